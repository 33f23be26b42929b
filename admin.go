package tandem

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"tandem/alarm"
	"tandem/api"
	"tandem/call"
	"tandem/cluster"
	"tandem/config"
	"tandem/evidence"
	"tandem/identity"
	"tandem/leg/gvoice"
	"tandem/leg/meet"
	"tandem/leg/sipua"
	"tandem/store"
	"tandem/token"
	"tandem/webhook"
)

// admin is the gateway as the API sees it.
type admin struct {
	*Gateway
	server   *api.Server
	started  time.Time
	pulse    api.Pulse
	alarms   alarmHistory
	captures captures
	answered sync.Map // IDs of calls whose answer was told
	// originate calls a device; it is set while the gateway runs.
	originate func(call.Destination, call.Request) (string, error)
}

var _ api.Gateway = (*admin)(nil)

const (
	// How often the figures of calls that run are looked at.
	sampleEvery = 5 * time.Second
	// How often states are compared that nobody tells of a change.
	watchEvery = time.Second
)

// newAdmin makes the API. Its Identity is there before the gateway runs, for the
// command line.
func (g *Gateway) newAdmin(c *config.Config) *admin {
	a := &admin{Gateway: g, started: time.Now().UTC(), alarms: newAlarmHistory(g)}
	secrets := sync.OnceValues(func() (*store.Secrets, error) {
		if g.Control.Secrets != nil {
			return g.Control.Secrets, nil
		}
		key, err := store.OpenKey(c.KeyFile())
		return &store.Secrets{DB: g.db, Key: key}, err
	})
	hooks := webhook.NewBook(g.db, secrets)
	sender := &webhook.Sender{
		Book: hooks, Log: g.log, Node: g.Switch.Node, Alarms: g.Alarms, Keep: func() time.Duration { return g.retention().DeadLetters },
	}
	a.server = &api.Server{
		Identity: identity.New(g.db, g.log), Config: g.Control, Gateway: a, History: g.History, Log: g.log, Secure: c.Web.Cert != "", Proxies: c.Web.TrustedProxies(),
		Secrets: secrets, Hooks: hooks, Sender: sender,
	}
	a.captures.g = g
	if c.Capture {
		a.server.Captures = &a.captures
	}
	a.server.Identity.Keep = func() time.Duration { return g.retention().Audit }
	a.server.Registrations = g.past.registrations
	if g.together != nil {
		a.server.Cluster = machines{g.db}
	}
	return a
}

// machines are those of the cluster, as the store knows them.
type machines struct{ db *store.DB }

func (m machines) View(ctx context.Context) (*cluster.View, []cluster.Call, error) {
	v, err := cluster.Read(ctx, m.db)
	if err != nil {
		return nil, nil, err
	}
	calls, err := cluster.Calls(ctx, m.db)
	return v, calls, err
}

func (m machines) Drain(ctx context.Context, node string, drain bool, by string) error {
	return cluster.Drain(ctx, m.db, node, drain, by)
}

// run does what the API needs in the background, until ctx is done.
func (a *admin) run(ctx context.Context) error {
	served := async(func() error { return a.server.Run(ctx) })
	told := async(func() error { return a.server.Sender.Run(ctx) })
	kept := async(func() error { return a.alarms.run(ctx) })
	past := async(func() error { return a.past.run(ctx, a.Gateway) })
	audited := async(func() error { return a.server.Identity.Run(ctx) })
	recorded := async(func() error { return a.captures.run(ctx) })
	unsubscribe := a.Alarms.Subscribe(func(one alarm.Alarm) {
		a.alarms.put(one)
		a.server.Publish(api.EventAlarm, one)
		a.tellAlarm(one)
	})
	a.watch(ctx)
	unsubscribe()
	return errors.Join(<-served, <-told, <-kept, <-past, <-audited, <-recorded)
}

// tellAlarm tells webhooks of an alarm that began or ended.
func (a *admin) tellAlarm(one alarm.Alarm) {
	switch {
	case strings.HasPrefix(one.Key, "webhook/"): // it would go to the hook that does not answer
	case !one.Active():
		a.server.Sender.Publish("alarm.cleared", one)
	case one.Count == 1 && one.Acknowledged == nil:
		a.server.Sender.Publish("alarm.raised", one)
	}
}

// changed tells who listens of a call.
func (a *admin) changed(c call.Running) {
	a.server.Changed(c)
	if c.Answered.IsZero() || !c.Record.Ended.IsZero() {
		return
	}
	if _, told := a.answered.LoadOrStore(c.ID, nil); !told {
		a.server.Sender.Publish("call.answered", c.Record)
	}
}

// began and ended are told by the recorder, once for each call.
func (a *admin) began(r call.Record) {
	a.pulse.Began(r.Began)
	a.server.Sender.Publish("call.began", r)
}

func (a *admin) ended(r call.Record) {
	a.answered.Delete(r.ID)
	a.pulse.Ended(r.Ended, r.Answered.IsZero())
	a.server.Sender.Publish("call.ended", r)
}

// watch samples calls, and tells when registrations have changed.
func (a *admin) watch(ctx context.Context) {
	sample, look := time.NewTicker(sampleEvery), time.NewTicker(watchEvery)
	defer sample.Stop()
	defer look.Stop()
	before := a.registered()
	for {
		select {
		case <-ctx.Done():
			return
		case <-sample.C:
			a.Switch.Sample()
		case <-look.C:
			if now := a.registered(); now != before {
				before = now
				a.server.Publish(api.EventRegistration, struct{}{})
				a.server.Sender.Publish("registration.changed", map[string]any{"registered": a.Phones.Stats().Registered, "google_voice": a.Voice.Status()})
			}
		}
	}
}

// registered changes when a registration, an account or a trunk does.
func (a *admin) registered() (sum [sha256.Size]byte) {
	h := sha256.New()
	fmt.Fprintln(h, a.Phones.Stats().Registered)
	for _, s := range a.Gateway.Accounts() {
		fmt.Fprintln(h, s.Account, s.State, s.Problem)
	}
	for _, s := range a.Phones.Trunks() {
		fmt.Fprintln(h, s.Name, s.State)
	}
	h.Sum(sum[:0])
	return sum
}

func (a *admin) Overview() api.Overview {
	conf := a.conf.Load()
	o := api.Overview{Version: Version, Node: a.Switch.Node, Started: a.started, File: a.Control.File, Series: a.pulse.Series(time.Now())}
	for _, l := range a.Listens() {
		o.SIP = append(o.SIP, api.Listens{Network: l.Network, Addr: l.Addr.String()})
	}
	live, _ := a.Switch.Count()
	o.Counts.Calls, o.Counts.Legs = live, a.Phones.Stats().Legs+a.Voice.Stats().Legs
	o.Counts.Meetings = len(a.Meet.Status())
	devices := a.Phones.Devices()
	o.Counts.Devices = len(devices)
	for _, d := range devices {
		if len(d.Contacts) > 0 {
			o.Counts.DevicesRegistered++
		}
	}
	for _, s := range a.Gateway.Accounts() {
		o.Counts.Accounts++
		if s.State == gvoice.Registered || s.State == gvoice.Elsewhere && s.Problem == "" {
			o.Counts.AccountsRegistered++
		}
	}
	for _, t := range a.Phones.Trunks() {
		o.Counts.Trunks++
		if t.State == "up" || t.State == "registered" {
			o.Counts.TrunksUp++
		}
	}
	room := a.Capacity.Stats()
	o.Capacity.Calls = api.Share{Used: float64(live), Limit: float64(a.Switch.MaxCalls)}
	o.Capacity.Ports = api.Share{Used: float64(room.Used), Limit: float64(room.Limit)}
	o.Capacity.CPU = api.Share{Used: room.Load, Limit: conf.Limits.CPU}
	return o
}

func (a *admin) Running() []call.Running { return a.Switch.Running() }

func (a *admin) Look(ctx context.Context, id string) (call.View, error) {
	return a.Switch.Look(ctx, id)
}

func (a *admin) Accounts() []gvoice.Status     { return a.Gateway.Accounts() }
func (a *admin) Devices() []sipua.DeviceStatus { return a.Phones.Devices() }
func (a *admin) Trunks() []sipua.TrunkStatus   { return a.Phones.Trunks() }
func (a *admin) Meetings() []meet.Status       { return a.Meet.Status() }

func (a *admin) GatewayToken() *token.Gateway { return a.Meet.GatewayToken() }

func (a *admin) TestAccount(ctx context.Context, name string) []gvoice.Check {
	return a.Gateway.TestAccount(ctx, name)
}

// TestMail sends a test mail, and says what went wrong.
func (a *admin) TestMail(ctx context.Context) error { return a.mail.Test(ctx) }

func (a *admin) Call(_ context.Context, device, to string) (string, error) {
	conf, _ := a.Control.Current()
	r, err := api.RequestOf(conf, config.Question{Via: device, To: to})
	if err != nil || !r.Registered {
		return "", fmt.Errorf("%w: no device is named %q", api.ErrNotFound, device)
	}
	if a.originate == nil {
		return "", api.ErrState
	}
	return a.originate(call.Destination{Connector: sipua.Name, Target: device, To: device}, r)
}

func (a *admin) Hangup(id string) bool { return a.Switch.Hangup(id) }

func (a *admin) Transfer(ctx context.Context, id, to string) error {
	return a.Switch.Transfer(ctx, id, to)
}

func (a *admin) Keys(ctx context.Context, id string, side call.Side, keys string) error {
	return a.Switch.Keys(ctx, id, side, keys)
}

func (a *admin) Mute(ctx context.Context, id string, side call.Side, on bool) error {
	return a.Switch.Mute(ctx, id, side, on)
}

func (a *admin) Layout(ctx context.Context, id, name string) error {
	return a.Switch.Layout(ctx, id, name)
}

func (a *admin) Say(ctx context.Context, id, text string) error { return a.Switch.Say(ctx, id, text) }

func (a *admin) Active() []alarm.Alarm { return a.Alarms.Active() }

func (a *admin) Ended(ctx context.Context, s store.Span) ([]store.Entry[alarm.Alarm], error) {
	return a.alarms.log.List(ctx, s)
}

func (a *admin) Acknowledge(key, who string) bool { return a.Alarms.Acknowledge(key, who) }

func (a *admin) Evidence(ctx context.Context, id string) (evidence.Evidence, error) {
	return a.proofs.get(ctx, id)
}
