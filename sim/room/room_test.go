package room

import (
	"net/netip"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"tandem/sim/phone"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newTestEye(t *testing.T, c Config) *Eye {
	t.Helper()
	e, err := newEye(c.complete(), "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func TestAnEyeAnswersAsTheFarEndDescribes(t *testing.T) {
	for _, row := range []struct {
		name, theirs, codec, has string
	}{
		{"H.264 under its number", "m=video 5000 RTP/AVP 109\na=rtpmap:109 H264/90000", "H264", "RTP/AVP 109\r\n"},
		{"VP8", "m=video 5000 RTP/AVP 96\na=rtpmap:96 VP8/90000\na=sendonly", "VP8", "RTP/AVP 96\r\n"},
		{"refused", "m=video 0 RTP/AVP 96\na=rtpmap:96 VP8/90000", "", "m=video 0 "},
		{"unknown", "m=video 5000 RTP/AVP 96\na=rtpmap:96 H265/90000", "", "m=video 0 "},
		{"none", "", "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			e := newTestEye(t, Config{})
			var lines []string
			if row.theirs != "" {
				lines = strings.Split(row.theirs, "\n")
			}
			e.Take(netip.MustParseAddr("127.0.0.1"), lines)
			if got := e.Describe("sendrecv"); !strings.Contains(got, row.has) || row.theirs == "" && got != "" {
				t.Errorf("described %q, want %q in it", got, row.has)
			}
			if r := e.Report(); r.Codec != row.codec {
				t.Errorf("codec %q, want %q", r.Codec, row.codec)
			}
		})
	}
}

func TestUnknownCodecsAreRefused(t *testing.T) {
	if _, err := New(Config{Config: phone.Config{User: "room"}, Video: []string{"H265"}}); err == nil {
		t.Error("a room that films in H265")
	}
}

func FuzzTake(f *testing.F) {
	f.Add("m=video 5000 RTP/AVP 96\na=rtpmap:96 VP8/90000\na=rtcp:9\nb=TIAS:1\nc=IN IP4 127.0.0.1")
	f.Add("m=video")
	f.Fuzz(func(_ *testing.T, text string) { _ = parseLine(strings.Split(text, "\n")) })
}
