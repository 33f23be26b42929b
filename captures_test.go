package tandem

import (
	"errors"
	"io"
	"testing"
	"time"

	"tandem/api"
	"tandem/call"
)

// A capture without a call is refused, what is over makes room, and files go with the
// manager.
func TestCapturesHaveAnEnd(t *testing.T) {
	c := &captures{g: &Gateway{Switch: &call.Switch{}, captures: make(capturing, 1)}}
	if _, err := c.Begin(api.CaptureOrder{Call: "1", For: time.Second}); !errors.Is(err, call.ErrNoCall) {
		t.Errorf("got %v", err)
	}
	over := func(id string) *recording {
		f, err := nameless()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("packets"); err != nil {
			t.Fatal(err)
		}
		return &recording{file: f, stop: func() {}, shown: api.Capture{ID: id, State: "over", Octets: 7, Gone: time.Now().Add(time.Hour)}}
	}
	for _, id := range []string{"1", "2", "3", "4"} {
		c.all = append(c.all, over(id))
	}
	c.mu.Lock()
	err := c.makeRoomLocked()
	c.mu.Unlock()
	if err != nil || len(c.List()) != 3 || c.List()[0].ID != "4" {
		t.Errorf("the oldest makes room: %v, %+v", err, c.List())
	}
	c.all[0].shown.State = "running"
	if _, _, err := c.Open("2"); !errors.Is(err, api.ErrState) {
		t.Errorf("read while it runs: %v", err)
	}
	if err := c.Remove("2"); !errors.Is(err, api.ErrState) {
		t.Errorf("removed while it runs: %v", err)
	}
	f, shown, err := c.Open("3")
	if err != nil || shown.ID != "3" {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(f); err != nil || string(b) != "packets" {
		t.Errorf("%q, %v", b, err)
	}
	if err := errors.Join(c.Remove("3"), c.Stop("2")); err != nil {
		t.Error(err)
	}
	for _, err := range []error{c.Remove("3"), c.Stop("9")} {
		if !errors.Is(err, api.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	}
	c.expire(time.Now().Add(2 * time.Hour))
	if all := c.List(); len(all) != 1 || all[0].ID != "2" {
		t.Errorf("after their time: %+v", all)
	}
}
