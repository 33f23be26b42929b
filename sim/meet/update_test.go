package meet

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestATelephoneBecomesARoomByAnUpdate(t *testing.T) {
	const locked = "2000000000004"
	s := newEdge(t, func(c *Config) {
		c.Meetings = append(c.Meetings, Meeting{PIN: locked, Tenant: "example", VideoLocked: true})
	})
	http, id := httpClient(t, s), newIdentity(t, s, GatewayCert{})
	room, phone := readOffer(t, "room-offer.sdp"), readOffer(t, "phone-offer.sdp")
	devices := map[string]string{}
	for _, pin := range []string{testPIN, locked} {
		code, body, _ := ask(t, http, "POST", s.EdgeURL()+"/v1/spaces/"+pin+":join", id.token(nil), trustedToken, joinRequest{Offer: phone, DisplayName: "Board room", Kind: "PHONE"})
		var a joinAnswer
		if err := json.Unmarshal(body, &a); err != nil || code != 200 {
			t.Fatalf("%d %s", code, body)
		}
		devices[pin] = a.Device
	}
	for _, row := range []struct {
		name, pin string
		in        joinRequest
		code      int
		want      Reason
	}{
		{"nothing added", testPIN, joinRequest{Offer: phone}, 400, InvalidOffer},
		{"other credentials", testPIN, joinRequest{Offer: strings.Replace(room, "ice-ufrag:", "ice-ufrag:x", 1)}, 400, InvalidOffer},
		{"another voice", testPIN, joinRequest{Offer: strings.Replace(room, "ssrc:1001", "ssrc:1002", 1)}, 400, InvalidOffer},
		{"still a telephone", testPIN, joinRequest{Offer: room, Kind: "PHONE"}, 400, InvalidRequest},
		{"no offer", testPIN, joinRequest{}, 400, InvalidRequest},
		{"the host wants no video", locked, joinRequest{Offer: room}, 403, VideoLocked},
		{"a camera", testPIN, joinRequest{Offer: room, DisplayName: "Board room 2"}, 200, ""},
		{"the same again, its answer was lost", testPIN, joinRequest{Offer: room}, 200, ""},
		{"another camera", testPIN, joinRequest{Offer: strings.Replace(room, "o=- ", "o=- 1", 1) + section2(room)}, 400, InvalidOffer},
	} {
		code, body, _ := ask(t, http, "POST", s.EdgeURL()+"/v1/"+devices[row.pin]+":update", id.token(nil), trustedToken, row.in)
		reason, _ := reasonOf(body)
		if code != row.code || reason != row.want {
			t.Errorf("%s: %d %s, want %d %s\n%s", row.name, code, reason, row.code, row.want, body)
		}
		if code == 200 && strings.Count(string(body), "m=video") != strings.Count(room, "m=video") {
			t.Errorf("%s: answered %s", row.name, body)
		}
	}
	st, err := s.Meeting(testPIN)
	if err != nil || len(st.Devices) != 1 || st.Devices[0].Kind != "ROOM" {
		t.Errorf("%v: %+v", err, st.Devices)
	}
}

// section2 is one more section of a picture down.
func section2(offer string) string {
	_, rest, _ := strings.Cut(offer, "a=mid:4\r\n")
	one, _, _ := strings.Cut(rest, "m=video")
	return "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:77\r\n" + one
}
