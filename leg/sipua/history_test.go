package sipua_test

import (
	"sync"
	"testing"

	"tandem/leg/sipua"
)

func TestRegistrationsLeaveAHistory(t *testing.T) {
	var mu sync.Mutex
	var told []sipua.Registration
	r := newRig(t, devices("100"), func(c *sipua.Connector) {
		c.Registered = func(one sipua.Registration) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, one)
		}
	})
	at := func(i int) sipua.Registration {
		r.Helper()
		r.until("registration", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(told) > i
		})
		mu.Lock()
		defer mu.Unlock()
		return told[i]
	}
	p := r.phone("100", "udp")
	p.mustRegister("User-Agent", "Desk phone 1")
	first := at(0)
	if first.Device != "100" || first.Agent != "Desk phone 1" || first.Remote != p.hostPort() || !first.Ended.IsZero() || first.Began.IsZero() {
		t.Errorf("%+v", first)
	}
	p.mustRegister("User-Agent", "Desk phone 1") // a refresh is no new registration
	p.mustRegister("User-Agent", "Desk phone 2")
	if end := at(1); end.ID != first.ID || end.Ended.IsZero() || end.Reason == "" {
		t.Errorf("another program: %+v", end)
	}
	if again := at(2); again.ID == first.ID || again.Agent != "Desk phone 2" || !again.Ended.IsZero() {
		t.Errorf("%+v", again)
	}
	p.mustRegister("Expires", "0")
	if end := at(3); end.ID != at(2).ID || end.Reason != "the phone took it back" {
		t.Errorf("%+v", end)
	}
	tcp := r.phone("100", "tcp")
	tcp.mustRegister()
	at(4)
	tcp.close()
	if end := at(5); end.Reason != "its connection is gone" || end.Network != "tcp" {
		t.Errorf("%+v", end)
	}
}
