package e2e

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"tandem/call"
	"tandem/config"
	"tandem/control"
	"tandem/internal/stage"
	"tandem/leg/sipua"
	"tandem/route"
	"tandem/store"
)

// TestAManagedConfigurationChangesUnderACall removes a device in the middle of its
// call, changes the store behind the gateway's back, and starts again.
func TestAManagedConfigurationChangesUnderACall(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	s, err := stage.Start(ctx, stage.Options{Dir: t.TempDir(), Log: storyLog(), Change: func(c *config.Config) { c.Managed = true }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	by := control.Author{Name: "story"}
	talk(ctx, t, s, func() {
		v, err := s.Gateway.Control.Change(ctx, by, 1, func(c *config.Config) error {
			isStudy := func(d sipua.Device) bool { return d.Name == stage.Study }
			c.SIP.Devices = slices.DeleteFunc(c.SIP.Devices, isStudy)
			c.DialPlan.Groups["family"] = []route.Target{{Device: stage.Kitchen}}
			return nil
		})
		if err != nil || v.Number != 2 {
			t.Fatalf("got %v, %v", v, err)
		}
		if n := len(s.Gateway.Switch.Live()); n != 1 {
			t.Errorf("%d calls run after the change", n)
		}
		if x := s.Gateway.Explain(call.Request{Connector: route.SIP, Via: stage.Kitchen, To: stage.Study}); !errors.Is(x.Err, call.ErrNoRoute) {
			t.Errorf("the removed device is still reached:\n%s", x)
		}
		if _, err := s.Gateway.Control.Change(ctx, by, 2, func(c *config.Config) error {
			c.Voice[0].Ring = []route.Target{{Device: stage.Study}}
			return nil
		}); err == nil {
			t.Error("a ring target that does not exist was taken")
		}
	})
	watch, end := s.Gateway.Control.Watch()
	defer end()
	began := time.Now()
	changeAside(ctx, t, s.Config)
	select {
	case v := <-watch:
		if took := time.Since(began); v.Number != 3 || timed() && took > time.Second {
			t.Errorf("got %v after %v", v, took)
		}
	case <-ctx.Done():
		t.Fatal("the gateway does not follow")
	}
	if err := s.Halt(); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if c, v := s.Gateway.Control.Current(); v.Number != 3 || len(c.SIP.Devices) != 3 {
		t.Errorf("after a restart: %v, %d devices", v, len(c.SIP.Devices))
	}
	if err := s.Gateway.Apply(s.Config); err == nil {
		t.Error("a file was applied over a managed configuration")
	}
}

// changeAside makes a change as `tandem apply` does beside the gateway.
func changeAside(ctx context.Context, t *testing.T, c *config.Config) {
	t.Helper()
	db, err := store.Open(ctx, c.StoreURL())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	key, err := store.OpenKey(c.KeyFile())
	if err != nil {
		t.Fatal(err)
	}
	m := &control.Manager{DB: db, Secrets: &store.Secrets{DB: db, Key: key}, Base: c}
	if err := m.Open(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Change(ctx, control.Author{Name: "aside"}, 2, func(c *config.Config) error {
		c.SIP.Devices = append(c.SIP.Devices, sipua.Device{Name: "hall", Password: "change-me"})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
