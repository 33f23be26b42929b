package meet

import (
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

func TestTheExampleMeetingsStart(t *testing.T) {
	s := newEdge(t, func(c *Config) { c.Tokens, c.Meetings = ExampleTokens(), ExampleMeetings() })
	if st := s.State(); len(st.Meetings) != 7 || len(st.Meetings[0].People) != 6 {
		t.Errorf("%d meetings", len(st.Meetings))
	}
}

func TestAWrongFingerprintOrAnswerMakesNoCall(t *testing.T) {
	s := newEdge(t, nil)
	if err := s.SetFault(Fault{Kind: DTLSFingerprint, Times: 1}); err != nil {
		t.Fatal(err)
	}
	r := newRoom(t, s, roomOptions{kind: "PHONE"}).join(roomOptions{kind: "PHONE"})
	r.wait("a failed connection", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.state == webrtc.PeerConnectionStateFailed || r.state == webrtc.PeerConnectionStateClosed
	})
	if err := s.SetFault(Fault{Kind: BadAnswer, Times: 1}); err != nil {
		t.Fatal(err)
	}
	r = newRoom(t, s, roomOptions{kind: "PHONE"})
	_, body, _ := ask(t, r.http, "POST", r.joinURL(), r.id.token(nil), trustedToken, joinRequest{Offer: readOffer(t, "phone-offer.sdp"), DisplayName: "A"})
	if reason, _ := reasonOf(body); reason != "" {
		t.Errorf("%s", body)
	}
}

func TestFaultsOfTheMediaEdge(t *testing.T) {
	s := newEdge(t, nil)
	r := enter(t, s, roomOptions{})
	r.filmAll("#208040")
	r.request(chAssignment, "setAssignment", canvases("relevant", [2]int{320, 180}))
	r.wait("sound and pictures", func() bool { return r.stream(6666).packets > 5 && r.stream(7777).frames > 5 })
	set := func(f Fault) {
		t.Helper()
		s.ClearFaults()
		if err := s.SetFault(f); err != nil {
			t.Fatal(err)
		}
	}
	device := func() DeviceState { st, _ := s.Meeting(testPIN); d, _ := st.Device("Board room"); return d }

	set(Fault{Kind: NoVideo})
	r.alone("sound alone", 6666, 7777)
	set(Fault{Kind: NoAudio})
	r.alone("pictures alone", 7777, 6666)

	set(Fault{Kind: PLIStorm})
	asked := device().Up.Track("h").KeyRequests
	r.wait("a storm", func() bool { return device().Up.Track("h").KeyRequests > asked+4 })

	set(Fault{Kind: CorruptVideo, Percent: 100})
	r.must(r.pc.WriteRTCP(pli(7777)))
	before := r.stream(7777)
	r.wait("damage", func() bool { now := r.stream(7777); return now.errors > before.errors || now.frames > before.frames+5 })

	set(Fault{Kind: NackIgnored})
	nacks, resent := device().Down.Nacked, device().Down.Resent
	r.must(r.pc.WriteRTCP(nack(7777, 1)))
	if d := device().Down; d.Nacked != nacks || d.Resent != resent {
		t.Errorf("nack-ignored: %+v", d)
	}

	set(Fault{Kind: ChannelsDead})
	r.must(r.channels[chChat].SendText(`{"request":{"requestId":1,"send":{"text":"hello?"}}}`))
	if _, err := s.WaitFor(soon(t), testPIN, "the message", func(m MeetingState) bool { d, _ := m.Device("Board room"); return d.Messages["chat client"] == 1 }); err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	if len(r.messages[chChat]) > 0 {
		t.Error("a dead channel answers")
	}
	r.mu.Unlock()

	s.ClearFaults()
	set(Fault{Kind: SessionDrop})
	r.wait("the end of the session", func() bool { st, _ := s.Meeting(testPIN); return len(st.Past) == 1 })
	last, since := r.stream(6666).packets, time.Now() // what is on the way may still come, and then nothing more
	r.wait("silence", func() bool {
		if now := r.stream(6666).packets; now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > 200*time.Millisecond
	})
}

// alone waits until one stream goes on and the other has ended, once what was on the
// way has come.
func (r *room) alone(what string, on, off uint32) {
	r.t.Helper()
	last, then := r.stream(off).packets, r.stream(on).packets
	r.wait(what, func() bool {
		now := r.stream(on).packets
		if got := r.stream(off).packets; got != last {
			last, then = got, now
		}
		return now > then+25
	})
}

func TestTooMuchIsPoliced(t *testing.T) {
	s := newEdge(t, func(c *Config) { c.Options.UplinkBitrate = 20_000 })
	r := enter(t, s, roomOptions{})
	r.filmAll("#208040")
	if _, err := s.WaitFor(soon(t), testPIN, "policing", func(m MeetingState) bool { d, _ := m.Device("Board room"); return d.Up.Policed > 5 }); err != nil {
		t.Fatal(err)
	}
	if v := s.Violations(); len(v) == 0 || v[0].Rule != "MEET-S20" {
		t.Errorf("%+v", v)
	}
}

func TestJoiningAndLeavingLeavesNothing(t *testing.T) {
	t.Parallel()
	s := newEdge(t, nil)
	for range 5 {
		r := enter(t, s, roomOptions{})
		r.request(chControl, "leave", struct{}{})
		r.wait("the end", func() bool { st, _ := s.Meeting(testPIN); return len(st.Devices) == 0 })
	}
	limit := soon(t)
	for over := false; !over; {
		s.media.mu.Lock()
		over = len(s.media.sessions) == 0 && len(s.media.peers) == 0
		s.media.mu.Unlock()
		select {
		case <-time.After(5 * time.Millisecond):
		case <-limit.Done():
			t.Fatal("sessions or addresses are left")
		}
	}
}
