package sipua

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"tandem/alarm"
	"tandem/sip"
	"tandem/sip/flow"
	"tandem/sip/transaction"
)

// keep lets registrations expire, asks devices whether they are there, and
// writes what changed to the store, until ctx is done.
func (c *Connector) keep(ctx context.Context) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.write(ctx)
	}()
	defer func() { <-written }()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			b := c.book.Load()
			ask, gone := c.reg.tick(now, b.conf.Register.qualify())
			c.forget(gone, whyExpired)
			for _, k := range ask {
				c.ask(k)
			}
			if c.guard.sweep(b.conf.Guard, now) == 0 && c.Alarms != nil {
				c.Alarms.Clear(guardAlarm)
			}
		}
	}
}

// ask sends OPTIONS: it keeps NATs open, and who answered once and then falls
// silent is not there any more. Any answer will do.
func (c *Connector) ask(k *contact) {
	m := sip.NewRequest("OPTIONS", k.addr.URI)
	us := sip.Address{URI: sip.URI{Scheme: "sip", Host: c.book.Load().host(k.path)}}
	c.address(m, us, sip.Address{URI: sip.URI{Scheme: "sip", User: sip.EscapeUser(k.Device), Host: us.URI.Host}}, k.seq)
	for _, p := range k.Path {
		m.Add("Route", p)
	}
	m.Add("Contact", sip.Address{URI: c.contact(k.path)}.String())
	c.layer.Request(k.path, m, func(e transaction.Event) {
		if e.Err != nil || e.Response.Status >= 200 {
			c.reg.answered(k, e.Err == nil)
		}
	})
}

// address adds what every request outside of a dialog has.
func (c *Connector) address(m *sip.Message, from, to sip.Address, seq uint32) {
	m.Add("From", from.WithTag(sip.NewTag()).String())
	m.Add("To", to.String())
	m.Add("Call-ID", sip.NewCallID())
	m.Add("CSeq", strconv.FormatUint(uint64(seq), 10)+" "+m.Method)
	if c.UserAgent != "" {
		m.Add("User-Agent", c.UserAgent)
	}
}

// restore brings back the registrations that survive a restart: those over UDP.
// A connection is gone with the process that held it.
func (c *Connector) restore() {
	if c.Bindings == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), saveTimeout)
	defer cancel()
	all, err := c.Bindings.Load(ctx)
	if err != nil {
		c.Log.Error("registrations could not be read from the store", "err", err)
	}
	now := time.Now()
	for _, b := range all {
		k, err := c.revive(ctx, b, now)
		if err != nil {
			c.saves.delete(b.Device, b.Key)
			c.Log.Debug("registration not brought back", "device", b.Device, "contact", b.Contact, "err", err)
			continue
		}
		c.reg.apply(b.Device, change{set: []*contact{k}}, 1<<10, now)
		c.tell(k, "")
		c.watch(k)
		c.Log.Info("registration brought back", "device", b.Device, "contact", b.Contact)
	}
}

func (c *Connector) revive(ctx context.Context, b Binding, now time.Time) (*contact, error) {
	if c.book.Load().devices[b.Device] == nil {
		return nil, fmt.Errorf("there is no such device any more")
	}
	if b.Network != "udp" || !now.Before(b.Expires) {
		return nil, fmt.Errorf("it was over %s until %v", b.Network, b.Expires)
	}
	remote, err := netip.ParseAddrPort(b.Remote)
	if err != nil {
		return nil, err
	}
	a, err := sip.ParseAddress(b.Contact)
	if err != nil {
		return nil, err
	}
	f, err := c.net.Dial(ctx, flow.Target{Network: "udp", Addr: remote})
	if err != nil {
		return nil, err
	}
	f.Trust()
	k := c.newContact(f, b, a)
	k.due, k.kept, k.stored = now.Add(time.Second), b.Expires, true
	return k, nil
}

const guardAlarm = "sipua/guard"

// shut raises the alarm for a source that the guard has shut out.
func (c *Connector) shut(from netip.AddrPort, failures int) {
	c.Log.Warn("source shut out, it tries passwords or numbers", "from", from, "failures", failures)
	if c.Alarms == nil {
		return
	}
	c.Alarms.Raise(alarm.Alarm{
		Key: guardAlarm, Severity: alarm.Warning, Title: "Somebody tries SIP passwords or numbers",
		Subject: from.Addr().String(), Detail: fmt.Sprintf("%d wrong passwords or numbers; the address gets no answer for a while", failures),
		Do: "If it is a device of yours, correct its password; otherwise close the SIP port to the outside in the firewall.",
	})
}
