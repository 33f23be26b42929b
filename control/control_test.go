package control

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tandem/alarm"
	"tandem/config"
	"tandem/leg/sipua"
	"tandem/route"
	"tandem/store"
	"tandem/token"
)

func TestAChangeIsAVersion(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		m := r.node()
		if _, v := m.Current(); v.Number != 1 || v.Author != "file" {
			t.Fatalf("the file became %+v", v)
		}
		v, err := m.Change(t.Context(), Author{"anna", "a second phone"}, 1, func(c *config.Config) error {
			addDevice("study")(c)
			return nil
		})
		if err != nil || v.Number != 2 || v.Author != "anna" || v.Comment != "a second phone" || len(v.Digest) != 64 {
			t.Fatalf("got %+v, %v", v, err)
		}
		again := r.node() // as after a restart
		c, v := again.Current()
		if v.Number != 2 || len(c.SIP.Devices) != 2 || c.SIP.Devices[0].Password != "canary-kitchen" || c.SIP.Devices[1].Password != "canary-x" {
			t.Errorf("after a restart: %+v, %+v", v, c.SIP.Devices)
		}
		if c.Node != "gw1" || c.Limits.Calls != 7 || len(c.SIP.Listen) != 1 {
			t.Errorf("the machine's fields are not the file's: %+v", c)
		}
	})
}

func TestABadChangeIsRefusedAsAWhole(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		m := r.node()
		for _, tt := range []struct {
			name, field string
			edit        func(*config.Config)
		}{
			{"a device without password", "sip.devices[1].password", func(c *config.Config) {
				c.SIP.Devices = append(c.SIP.Devices, sipua.Device{Name: "study"})
			}},
			{"a rule that leads nowhere", "dial_plan.rules[0].to[0].trunk", func(c *config.Config) {
				c.DialPlan.Rules = append(c.DialPlan.Rules, route.RuleConfig{Name: "x", To: []route.Target{{Trunk: "none"}}})
			}},
			{"a mask without a secret", "sip.devices[1].password", func(c *config.Config) {
				c.SIP.Devices = append(c.SIP.Devices, sipua.Device{Name: "study", Password: config.Mask})
			}},
			{"a field of the machine", "limits", func(c *config.Config) { c.Limits.Calls = 8 }},
			{"a listener", "sip.listen", func(c *config.Config) { c.SIP.Listen = nil }},
		} {
			_, err := m.Change(t.Context(), Author{Name: "anna"}, 0, func(c *config.Config) error {
				addDevice("good")(c)
				c.SIP.Devices = c.SIP.Devices[:1]
				tt.edit(c)
				return nil
			})
			var fields config.Errors
			if !errors.As(err, &fields) || fields[0].Field != tt.field {
				t.Errorf("%s: got %v, want an error about %s", tt.name, err, tt.field)
			}
		}
		if c, v := m.Current(); v.Number != 1 || len(c.SIP.Devices) != 1 {
			t.Errorf("after refused changes: %+v", v)
		}
	})
}

func TestTheSlowerOfTwoIsTold(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		a, b := r.node(), r.node()
		r.change(a, addDevice("study"))
		_, err := b.Change(t.Context(), Author{Name: "ben"}, 1, func(c *config.Config) error {
			addDevice("hall")(c)
			return nil
		})
		if !errors.Is(err, ErrConflict) {
			t.Errorf("a change of version 1 after version 2: %v", err)
		}
		// Without an expectation it goes on top.
		if v := r.change(b, addDevice("hall")); v.Number != 3 {
			t.Errorf("got %v", v)
		}
		if c, _ := b.Current(); len(c.SIP.Devices) != 3 {
			t.Errorf("a change was lost: %d devices", len(c.SIP.Devices))
		}
	})
}

func TestManyNodesChangeAtOnce(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		const each = 5
		done := make(chan error)
		nodes := []*Manager{r.node(), r.node(), r.node()}
		for n, m := range nodes {
			go func() {
				var err error
				for i := range each {
					_, e := m.Change(t.Context(), Author{Name: "x"}, 0, func(c *config.Config) error {
						addDevice(string(rune('a'+n)) + string(rune('0'+i)))(c)
						return nil
					})
					err = errors.Join(err, e)
				}
				done <- err
			}()
		}
		for range nodes {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		m := r.node()
		if c, v := m.Current(); v.Number != 1+3*each || len(c.SIP.Devices) != 1+3*each {
			t.Errorf("version %d with %d devices, want %d of both", v.Number, len(c.SIP.Devices), 1+3*each)
		}
	})
}

func TestWhatCannotBeAppliedIsNotStored(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		applied := 0
		m := r.node(func(m *Manager) {
			m.Apply = func(c *config.Config) error {
				if len(c.SIP.Devices) > 1 {
					return errors.New("no room for it")
				}
				applied++
				return nil
			}
		})
		_, err := m.Change(t.Context(), Author{Name: "anna"}, 0, func(c *config.Config) error {
			addDevice("study")(c)
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), "no room for it") {
			t.Errorf("got %v", err)
		}
		if _, v := m.Current(); v.Number != 1 || applied != 1 {
			t.Errorf("got %v, applied %d times", v, applied)
		}
		if vs, err := m.Versions(t.Context(), 0, 0); err != nil || len(vs) != 1 {
			t.Errorf("got %v, %v", vs, err)
		}
	})
}

func TestTheWayBack(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		m := r.node()
		r.change(m, func(c *config.Config) { c.SIP.Devices[0].Password = "canary-new" })
		r.change(m, addDevice("study"))
		v, err := m.Rollback(t.Context(), Author{Name: "anna"}, 1)
		if err != nil || v.Number != 4 || v.Undo != 1 {
			t.Fatalf("got %+v, %v", v, err)
		}
		c, _ := r.node().Current()
		if len(c.SIP.Devices) != 1 || c.SIP.Devices[0].Password != "canary-kitchen" {
			t.Errorf("got %+v", c.SIP.Devices)
		}
		d, err := m.Diff(t.Context(), 3, 4)
		if err != nil || len(d) != 2 {
			t.Fatalf("got %+v, %v", d, err)
		}
		for _, one := range d {
			if strings.Contains(one.Before+one.After, "canary") {
				t.Errorf("a diff shows a secret: %+v", one)
			}
		}
		if _, err := m.Rollback(t.Context(), Author{Name: "anna"}, 99); !errors.Is(err, ErrNoVersion) {
			t.Errorf("back to what never was: %v", err)
		}
		vs, err := m.Versions(t.Context(), 4, 2)
		if err != nil || len(vs) != 2 || vs[0].Number != 3 || vs[1].Number != 2 {
			t.Errorf("got %+v, %v", vs, err)
		}
	})
}

func TestAChangeOfNothingIsNoVersion(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		m := r.node()
		v := r.change(m, func(c *config.Config) { c.SIP.Devices[0].Password = config.Mask })
		if v.Number != 1 {
			t.Errorf("got %+v", v)
		}
		v = r.change(m, func(c *config.Config) { c.SIP.Devices[0] = sipua.Device{Name: "kitchen"} })
		if c, _ := m.Current(); v.Number != 1 || c.SIP.Devices[0].Password != "canary-kitchen" {
			t.Errorf("a secret that is left out: %+v, %+v", v, c.SIP.Devices)
		}
	})
}

func TestTryChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		m := r.node()
		d, err := m.Try(t.Context(), func(c *config.Config) error {
			addDevice("study")(c)
			return nil
		})
		if err != nil || len(d) != 1 || d[0].Field != "sip.devices[study]" || d[0].After != `{"name":"study","password":"********"}` {
			t.Errorf("got %+v, %v", d, err)
		}
		if _, v := m.Current(); v.Number != 1 {
			t.Errorf("got %+v", v)
		}
	})
}

func TestOtherNodesFollow(t *testing.T) {
	if defaultPoll > time.Second/2 { // that is all there is to it, but for the machine
		t.Errorf("a node looks every %v", defaultPoll)
	}
	each(t, func(t *testing.T, r *rig) {
		a := r.node()
		seen := make(chan int, 10)
		b := r.node(func(m *Manager) {
			m.Apply = func(c *config.Config) error {
				seen <- len(c.SIP.Devices)
				return nil
			}
		})
		<-seen // the start
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- b.Run(ctx) }()
		watch, end := b.Watch()
		defer end()
		r.change(a, addDevice("study"))
		if n := <-seen; n != 2 {
			t.Errorf("got %d devices", n)
		}
		if v := <-watch; v.Number != 2 {
			t.Errorf("got %v", v)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestOldVersionsAndTheirSecretsGo(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		m := r.node(func(m *Manager) { m.Keep = 3 })
		for i := range 10 {
			r.change(m, func(c *config.Config) { c.SIP.Devices[0].Password = token.Secret(strconv.Itoa(i)) })
		}
		vs, err := m.Versions(t.Context(), 0, 0)
		if err != nil || len(vs) != 3 || vs[2].Number != 9 {
			t.Errorf("got %+v, %v", vs, err)
		}
		names, err := m.Secrets.Names(t.Context())
		if err != nil || len(names) != 3 {
			t.Errorf("%d secrets are kept for 3 versions (%v)", len(names), err)
		}
		if _, _, err := m.At(t.Context(), 9); err != nil {
			t.Error(err)
		}
		if _, _, err := m.At(t.Context(), 8); !errors.Is(err, ErrNoVersion) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAFilesConfigurationIsReadOnly(t *testing.T) {
	m := &Manager{Base: base(), File: "tandem.yaml"}
	if err := m.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := m.Change(t.Context(), Author{}, 0, func(*config.Config) error { return nil })
	if !errors.Is(err, ErrReadOnly) || err.Error() != "this gateway takes its configuration from the file tandem.yaml; change it there, or start it with managed: true" {
		t.Errorf("got %v", err)
	}
	watch, end := m.Watch()
	c := base()
	c.Node = "gw2"
	m.Adopt(c)
	<-watch
	end()
	if now, _ := m.Current(); now.Node != "gw2" {
		t.Errorf("got %+v", now)
	}
}

func TestALongDocumentIsPacked(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		m := r.node()
		v := r.change(m, func(c *config.Config) {
			for i := range 500 {
				addDevice("phone" + strconv.Itoa(i))(c)
			}
		})
		item, err := m.documents().Get(t.Context(), key(v.Number))
		if err != nil || item.Value.Config != nil || len(item.Value.Packed) > 20_000 {
			t.Errorf("%d bytes packed, %d not (%v)", len(item.Value.Packed), len(item.Value.Config), err)
		}
		if c, _ := r.node().Current(); len(c.SIP.Devices) != 501 || c.SIP.Devices[500].Password != "canary-x" {
			t.Errorf("got %d devices", len(c.SIP.Devices))
		}
		if _, err := (document{Packed: []byte("nonsense")}).text(); err == nil {
			t.Error("nonsense was unpacked")
		}
	})
}

func TestTheStoreHoldsNoSecretInTheClear(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		m := r.node()
		r.change(m, addDevice("study"))
		for item, err := range m.documents().Each(t.Context()) {
			if err != nil || strings.Contains(string(item.Value.Config), "canary") {
				t.Errorf("%s, %v", item.Value.Config, err)
			}
		}
	})
}

func TestWhatCannotBeStoredIsTakenBack(t *testing.T) {
	r := newRig(t, t.TempDir()+"/test.db")
	db, err := store.Open(t.Context(), r.url)
	if err != nil {
		t.Fatal(err)
	}
	var applied []int
	m := &Manager{DB: db, Secrets: &store.Secrets{DB: db, Key: r.key}, Base: base(), Apply: func(c *config.Config) error {
		if applied = append(applied, len(c.SIP.Devices)); len(applied) == 2 {
			return db.Close() // the database goes away between applying and storing
		}
		return nil
	}}
	if err := m.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = m.Change(t.Context(), Author{Name: "anna"}, 0, func(c *config.Config) error {
		addDevice("study")(c)
		return nil
	})
	if err == nil || !slices.Equal(applied, []int{1, 2, 1}) {
		t.Errorf("got %v; in force were %v devices", err, applied)
	}
	if _, v := m.Current(); v.Number != 1 {
		t.Errorf("got %v", v)
	}
}

// A newest version that is damaged stops changes, and no rollback; other nodes follow it.
func TestARollbackMendsWhatCannotBeRead(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		board := &alarm.Board{Log: slog.New(slog.DiscardHandler)}
		m := r.node(func(m *Manager) { m.Alarms = board })
		other := r.node()
		first := r.change(m, addDevice("study"))
		bad := r.change(m, addDevice("attic"))
		other.look(r.Context())
		if _, err := m.documents().Put(r.Context(), key(bad.Number), document{Config: []byte(`{"colour":1}`)}); err != nil {
			t.Fatal(err)
		}
		fresh := &Manager{DB: m.DB, Secrets: m.Secrets, Base: base(), Log: m.Log, Alarms: board}
		if err := fresh.Open(r.Context()); !errors.Is(err, ErrUnreadable) {
			t.Fatalf("open: %v", err)
		}
		if _, v, err := fresh.Fallback(r.Context(), 1, errors.New("cannot be read")); err != nil || v.Number != first.Number {
			t.Fatalf("%v, %v", v, err)
		}
		fresh.look(r.Context())
		if all := board.Active(); !slices.ContainsFunc(all, func(a alarm.Alarm) bool { return a.Key == alarmStore && strings.Contains(a.Do, "Roll") }) {
			t.Errorf("no alarm says what to do: %+v", all)
		}
		if _, err := fresh.Change(r.Context(), Author{Name: "anna"}, 0, func(c *config.Config) error { addDevice("cellar")(c); return nil }); !errors.Is(err, ErrUnreadable) {
			t.Errorf("change: %v", err)
		}
		if _, err := fresh.Rollback(r.Context(), Author{Name: "anna"}, bad.Number); err == nil {
			t.Error("there is a way back to what cannot be read")
		}
		v, err := fresh.Rollback(r.Context(), Author{Name: "anna"}, first.Number)
		if err != nil || v.Number != bad.Number+1 || v.Undo != first.Number || !v.At.After(bad.At) {
			t.Fatalf("%+v, %v", v, err)
		}
		other.look(r.Context())
		if c, now := other.Current(); now.Number != v.Number || len(c.SIP.Devices) != 2 || !c.SIP.Devices[1].Password.Equal("canary-x") {
			t.Errorf("another node has %+v", now)
		}
		r.change(fresh, addDevice("cellar"))
		fresh.look(r.Context())
		if all := board.Active(); len(all) > 0 {
			t.Errorf("alarms that last: %+v", all)
		}
	})
}

func TestANodeThatCannotUseAVersionTellsAndTriesAgain(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		board := &alarm.Board{}
		var missing atomic.Bool
		missing.Store(true)
		b := r.node(func(m *Manager) {
			m.Alarms = board
			m.Apply = func(c *config.Config) error {
				if len(c.SIP.Devices) > 1 && missing.Load() {
					return errors.New("open device.pem: no such file")
				}
				return nil
			}
		})
		r.change(r.node(), addDevice("study"))
		b.look(t.Context())
		if a := board.Active(); len(a) != 1 || a[0].Key != alarmBehind || !strings.Contains(a[0].Detail, "device.pem") {
			t.Errorf("got %+v", a)
		}
		// The version of record is the new one all the same, so that it can be mended here.
		if _, v := b.Current(); v.Number != 2 {
			t.Errorf("got %v", v)
		}
		missing.Store(false)
		b.mu.Lock()
		b.failed = time.Now().Add(-applyAgain - time.Second)
		b.mu.Unlock()
		b.look(t.Context())
		if a := board.Active(); len(a) != 0 || b.force.version.Number != 2 {
			t.Errorf("got %+v, %v", a, b.force.version)
		}
	})
}
