// Package tandem wires the parts of the gateway together. This file is the list
// of parts and the order in which they start and stop; each part explains
// itself in its own folder.
package tandem

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"tandem/alarm"
	"tandem/alarm/mail"
	"tandem/call"
	"tandem/capacity"
	"tandem/config"
	"tandem/control"
	"tandem/leg/gvoice"
	"tandem/leg/meet"
	"tandem/leg/reception"
	"tandem/leg/sipua"
	"tandem/media"
	"tandem/media/bridge"
	"tandem/media/transport"
	"tandem/metrics"
	"tandem/route"
	"tandem/sip/flow"
	"tandem/store"
	"tandem/toll"
	"tandem/tracing"
)

// Version is what the gateway calls itself; a release build sets it.
var Version = "dev"

// A Gateway is every part of the gateway, joined. Make one with New, give it a
// configuration with every Apply, and let Run serve.
type Gateway struct {
	Engine     *transport.Engine    // sockets of the media plane
	Phones     *sipua.Connector     // devices and trunks
	Voice      *gvoice.Connector    // Google Voice accounts
	Receptions *reception.Connector // ask for meeting IDs
	Capacity   *capacity.Gate       // lets calls in
	Meet       *meet.Connector      // meetings of Google Meet
	Switch     *call.Switch         // joins legs into calls
	Alarms     *alarm.Board         // what a person must know
	Metrics    *metrics.Registry    // Prometheus
	Health     *metrics.Health      // /healthz, /readyz
	Control    *control.Manager     // the configuration of record
	History    *store.Log[call.Record]

	log      *slog.Logger
	admin    *admin
	db       *store.DB
	records  *store.Writer[call.Record]
	dialer   router
	toll     toll.Guard
	mail     mail.Mailer
	captures capturing
	tracer   tracing.Exporter
	listens  []sipua.Addr
	figures  figures
	bridges  bridges
	proofs   proofs
	past     past
	conf     atomic.Pointer[config.Config]

	together *together // the cluster; nil on a single machine
}

// Options are what a gateway is given besides its configuration.
type Options struct {
	Log   *slog.Logger
	Trace func(flow.TraceEvent) // sees every SIP message; may be nil
	// File is where the configuration comes from, for people.
	File string
	// Tokens replaces how access tokens are fetched; nil fetches them.
	Tokens func(gvoice.Account) gvoice.TokenSource
}

// New makes a gateway and opens its store and listeners; errors tell what of the
// configuration cannot be had on this machine. The caller runs it or closes it.
//
// A managed configuration whose newest version cannot be used here gives way to the last
// one that can, with an alarm: telephones work on, and the page is there to mend it.
func New(ctx context.Context, c *config.Config, o Options) (*Gateway, error) {
	g, why := build(ctx, c, o, 0, nil)
	if why == nil || !c.Managed {
		return g, why
	}
	// The last ten are tried one by one, those before in growing steps, down to the first:
	// what is wrong with all of them (a port that is taken) is soon known.
	step, first := 1, false
	for skip := 1; ctx.Err() == nil; skip += step {
		g, err := build(ctx, c, o, skip, why)
		switch {
		case err == nil:
			return g, nil
		case errors.Is(err, control.ErrNoVersion) && step == 1:
			return nil, why
		case errors.Is(err, control.ErrNoVersion):
			skip, step, first = skip-step, step/2, true
		case skip > 10 && !first:
			step *= 2
		}
	}
	return nil, why
}

// build is one attempt of New, with the version that is skip versions older than the newest.
func build(ctx context.Context, c *config.Config, o Options, skip int, why error) (*Gateway, error) {
	g := &Gateway{log: o.Log, Alarms: &alarm.Board{Log: o.Log}, Health: &metrics.Health{}, captures: make(capturing, maxCaptures)}
	if err := g.openStore(ctx, c.StoreURL()); err != nil {
		return nil, err
	}
	c, err := g.openControl(ctx, c, o.File, skip, why)
	if err != nil {
		return nil, errors.Join(err, g.db.Close())
	}
	table, err := route.New(c.Routes())
	if err != nil {
		return nil, errors.Join(err, g.db.Close())
	}
	node := c.Node
	if node == "" {
		node, _ = os.Hostname()
	}
	g.dialer.node = node
	g.dialer.use(table, c)
	g.Engine = &transport.Engine{
		Workers: c.Media.Workers, BindIPv4: c.Media.Bind, BindIPv6: c.Media.BindIPv6,
		Advertise: c.Media.Public, PortMin: c.Media.PortMin, PortMax: c.Media.PortMax, Log: o.Log,
	}
	agent := "Tandem/" + Version
	g.openPast(node)
	if err := g.past.close(ctx); err != nil {
		g.log.Error("registrations of the last run are still open in the history", "err", err)
	}
	g.openProofs()
	trace := g.traced(o.Trace)
	g.Phones = &sipua.Connector{
		Config: c.SIP, Engine: g.Engine, Bindings: &bindings{&store.Collection[sipua.Binding]{DB: g.db, Name: "bindings"}},
		Alarms: g.Alarms, Log: o.Log, UserAgent: agent, Trace: trace, Dialogs: g.proofs.recorder.Leg, Node: node,
		Registered: g.past.registered,
	}
	g.Voice = &gvoice.Connector{
		Engine: g.Engine, Alarms: g.Alarms, Log: o.Log, UserAgent: agent, Trace: trace, Dialogs: g.proofs.recorder.Leg,
		Tokens: o.Tokens, Emergency: g.emergency,
	}
	g.Meet = &meet.Connector{Engine: g.Engine, Bind: c.Media.Bind, BindV6: c.Media.BindIPv6, Alarms: g.Alarms, Log: o.Log, Trace: g.exchanged}
	g.Receptions = &reception.Connector{Resolver: meetings{g.Meet}, Loop: g.loopBeside, Alarms: g.Alarms, Log: o.Log}
	g.Capacity = &capacity.Gate{Alarms: g.Alarms, Log: o.Log, Emergency: g.emergency}
	g.Capacity.Apply(c.Limits.Capacity())
	calls := c.Limits.Calls
	if calls == 0 {
		calls = 1000
	}
	g.Switch = &call.Switch{
		Router: &g.dialer, Dialers: map[string]call.Dialer{sipua.Name: g.Phones, gvoice.Name: g.Voice, meet.Name: g.Meet, reception.Name: g.Receptions},
		Admission: door{g}, Guard: &g.toll, Join: g.join(c.Media.Country), Recorder: &recorder{g}, Log: o.Log, Node: node, MaxCalls: calls,
	}
	g.toll.Log, g.toll.Alarms = o.Log, g.Alarms
	g.toll.Apply(c.TollGuard(), c.DialPlan.Numbers.Normalize)
	if err := g.openCluster(ctx, c, node); err != nil {
		return nil, errors.Join(err, g.db.Close())
	}
	if g.together != nil {
		g.Switch.Dialers[gvoice.Name] = g.together
	}
	g.mail.Node, g.mail.Log, g.mail.Alarms = node, o.Log, g.Alarms
	g.mail.Apply(c.Alarms.Mail)
	g.tracer.Config, g.tracer.Node, g.tracer.Version, g.tracer.Log = c.Tracing, node, Version, o.Log
	g.observe()
	if err := errors.Join(g.Engine.Start(), g.applyAccounts(c.Accounts()), g.Meet.Apply(c.Meetings()), g.Receptions.Apply(c.Receptions)); err != nil {
		return nil, errors.Join(err, g.Engine.Close(), g.db.Close())
	}
	if g.listens, err = g.Phones.Open(); err != nil {
		return nil, errors.Join(err, g.Engine.Close(), g.db.Close())
	}
	if g.together != nil {
		g.together.member.Address = g.Phones.InnerAddr()
	}
	g.conf.Store(c)
	g.Control.Apply = g.apply
	g.proofs.recorder.Policy(c.Evidence)
	g.admin = g.newAdmin(c)
	g.Switch.Watch = g.watched
	return g, nil
}

func (g *Gateway) join(country string) func(media.Session, media.Session, bool, *slog.Logger) call.Bridge {
	commons := new(bridge.Commons)
	return func(a, b media.Session, early bool, log *slog.Logger) call.Bridge {
		return g.bridges.add(bridge.Join(a, b, bridge.Options{Log: log, Country: country, Early: early, Commons: commons}))
	}
}

// Listens returns where phones can reach the gateway.
func (g *Gateway) Listens() []sipua.Addr { return g.listens }

// Explain tells where a call would go, and why.
func (g *Gateway) Explain(r call.Request) route.Trace { return g.dialer.Explain(r) }

// Apply makes c, the file that was read again, the configuration in force without
// ending a call. On an error the old one stays. Listeners, store and media
// addresses change with a restart. A managed configuration changes by Control.
func (g *Gateway) Apply(c *config.Config) error {
	if g.Control.Managed() {
		return errManaged
	}
	if err := g.apply(c); err != nil {
		return err
	}
	g.Control.Adopt(c)
	return nil
}

var errManaged = errors.New("the configuration is kept in the store; change it with `tandem apply`, by the API or on the web page")

func (g *Gateway) apply(c *config.Config) error {
	table, err := route.New(c.Routes())
	if err != nil {
		return err
	}
	old := g.conf.Load()
	if err := g.applyAccounts(c.Accounts()); err != nil {
		return err
	}
	if err := g.Meet.Apply(c.Meetings()); err != nil {
		return errors.Join(err, g.applyAccounts(old.Accounts()))
	}
	if err := g.Receptions.Apply(c.Receptions); err != nil {
		return errors.Join(err, g.applyAccounts(old.Accounts()), g.Meet.Apply(old.Meetings()))
	}
	if err := g.Phones.Apply(c.SIP); err != nil {
		return errors.Join(err, g.applyAccounts(old.Accounts()), g.Meet.Apply(old.Meetings()), g.Receptions.Apply(old.Receptions))
	}
	g.Capacity.Apply(c.Limits.Capacity())
	g.proofs.recorder.Policy(c.Evidence)
	g.dialer.use(table, c)
	g.toll.Apply(c.TollGuard(), c.DialPlan.Numbers.Normalize)
	g.mail.Apply(c.Alarms.Mail)
	g.conf.Store(c)
	g.log.Info("configuration applied", "devices", len(c.SIP.Devices), "trunks", len(c.SIP.Trunks), "accounts", len(c.Voice))
	return nil
}

// Run serves until ctx is done: then calls are ended, accounts unregistered,
// records written, and nothing of the gateway is left when it returns.
func (g *Gateway) Run(ctx context.Context) error {
	if err := g.closeLost(ctx); err != nil {
		g.log.Error("records of calls that a crash ended are still open", "err", err)
	}
	// What is stopped last is given a context of its own.
	signalling, stopSignalling := context.WithCancel(context.WithoutCancel(ctx))
	storing, stopStoring := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSignalling()
	defer stopStoring()
	clustering, stopClustering := context.WithCancel(context.WithoutCancel(ctx))
	defer stopClustering()
	incoming := func(r call.Request, l call.Leg) { g.Switch.Incoming(ctx, r, l) }

	g.admin.originate = func(to call.Destination, r call.Request) (string, error) { return g.Switch.Originate(ctx, to, r) }
	pages := g.serveHTTP(ctx)
	proved := async(func() error { return g.proofs.run(signalling) })
	administered := async(func() error { return g.admin.run(signalling) })
	written := async(func() error { return g.records.Run(storing) })
	phones := async(func() error { return g.Phones.Listen(signalling, incoming) })
	voice := async(func() error { return g.Voice.Listen(signalling, incoming) })
	meetings := async(func() error { return g.Meet.Run(signalling) })
	receptions := async(func() error { return g.Receptions.Run(signalling) })
	defer g.Alarms.Subscribe(g.mail.Told)()
	mailed := async(func() error { return g.mail.Run(storing) })
	traced := async(func() error { return g.tracer.Run(storing) })
	measured := async(func() error { return g.Capacity.Run(signalling) })
	guarded := async(func() error { return g.toll.Run(signalling) })
	clustered := async(func() error { return g.runCluster(clustering) })
	controlled := async(func() error { return g.Control.Run(signalling) })

	<-ctx.Done()
	began := time.Now()
	g.Switch.Wait()
	stopSignalling()
	err := errors.Join(<-phones, <-voice, <-meetings, <-receptions, <-measured, <-guarded, <-controlled, <-administered, <-proved)
	stopClustering() // the accounts are unregistered: others may have them
	err = errors.Join(err, <-clustered)
	g.Switch.Wait() // a call may have come in before the listeners closed
	stopStoring()
	err = errors.Join(err, <-written, <-mailed, <-traced, pages.Close(), g.Engine.Close(), g.db.Close())
	g.log.Info("gateway stopped", "took", time.Since(began))
	return err
}

// Settle waits until every call record so far is in the store.
func (g *Gateway) Settle(ctx context.Context) error { return g.records.Flush(ctx) }

// Close lets go of a gateway that was never run.
func (g *Gateway) Close() error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return g.Run(ctx)
}

// async runs f in a goroutine; whoever starts it waits for its error.
func async(f func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return done
}

// openControl returns the configuration to start with: the file's, or the newest
// version in the store.
func (g *Gateway) openControl(ctx context.Context, c *config.Config, file string, skip int, why error) (*config.Config, error) {
	g.Control = &control.Manager{DB: g.db, Base: c, Log: g.log, Alarms: g.Alarms}
	switch {
	case c.Managed:
		key, err := store.OpenKey(c.KeyFile())
		if err != nil {
			return nil, err
		}
		g.Control.Secrets = &store.Secrets{DB: g.db, Key: key}
	case file == "":
		g.Control.File = "it was started with"
	default:
		g.Control.File = file
	}
	if err := g.Control.Open(ctx); err != nil && skip == 0 {
		return nil, err
	}
	if skip > 0 {
		c, v, err := g.Control.Fallback(ctx, skip, why)
		if err == nil {
			g.log.Error("the newest configuration cannot be used, an older one is in force", "version", v.Number, "err", why)
		}
		return c, err
	}
	c, _ = g.Control.Current()
	return c, nil
}

func (g *Gateway) openStore(ctx context.Context, url string) error {
	db, err := store.Open(ctx, url)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	g.db = db
	g.History = &store.Log[call.Record]{DB: db, Name: "calls", Label: recordState}
	g.records = &store.Writer[call.Record]{To: g.History, Log: g.log, Changed: g.storing}
	return nil
}
