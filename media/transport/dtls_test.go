package transport

import (
	"testing"

	"tandem/media/sdp"
)

// TestAHandshakeThatOvertakesTheAnswer: the far end that answers is the DTLS client
// and begins at once, often before its 200 has come (RFC 5763 §6.2).
func TestAHandshakeThatOvertakesTheAnswer(t *testing.T) {
	policy := func(o *Options) { o.Capabilities.Security, o.Capabilities.Mux = sdp.DTLS, sdp.MuxRequire }
	e := newEngine(t)
	a, ea := newTestSession(t, e, policy)
	b, eb := newTestSession(t, e, policy)
	offer, err := a.Offer()
	if err != nil {
		t.Fatal(err)
	}
	answer, err := b.AnswerTo(offer, "")
	if err != nil {
		t.Fatal(err)
	}
	held := func() int {
		a.audio.in.mu.Lock()
		defer a.audio.in.mu.Unlock()
		return len(a.audio.hellos.list)
	}
	eventually(t, func() bool { return held() > 0 })
	if err := a.SetAnswer(answer); err != nil {
		t.Fatal(err)
	}
	ea.wait(t, Connected)
	eb.wait(t, Connected)
	bothWays(t, a, b)
	a.audio.in.mu.Lock()
	defer a.audio.in.mu.Unlock()
	if a.audio.in.stray != 0 || len(a.audio.hellos.list) != 0 {
		t.Errorf("%d datagrams strayed, %d are still kept", a.audio.in.stray, len(a.audio.hellos.list))
	}
}
