package gvoice

import (
	"net/http"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"),
		goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"))
}

func TestCloseEndsCallsAndConnections(t *testing.T) {
	s := newEdge(t, nil)
	c := dial(t, s, "obihai.telephony.goog")
	c.register("register-seed.sip")
	c.invite("invite-seed.sip", "offer-seed.sdp", answersAt1000Hz)
	c.media.sound(c.status(183).Body, 500)
	call := c.lastCall()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	<-call.Done()
	if _, err := c.r.Next(); err == nil {
		for err == nil { // what was under way
			_, err = c.r.Next()
		}
	}
	if err := s.Close(); err != nil {
		t.Error("a second Close fails:", err)
	}
	http.DefaultClient.CloseIdleConnections()
}
