package tandem

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"tandem/call"
	"tandem/cluster"
	"tandem/config"
	"tandem/leg/gvoice"
	"tandem/leg/sipua"
	"tandem/sip/flow"
	"tandem/store"
	"tandem/toll"
)

// together is this gateway's part in a cluster: several machines that share a
// PostgreSQL. There is none on a SQLite file.
type together struct {
	g        *Gateway
	member   *cluster.Member
	id       *cluster.Identity // nil without connections between machines
	tls      *tls.Config       // of connections to other machines; one, so that they are shared
	bindings *sharedBindings

	mu       sync.Mutex // guards what follows
	accounts []gvoice.Account
	held     []string // resources
}

// accountPrefix is how the leases of Google Voice accounts begin.
const accountPrefix = "gvoice/"

// clusterSecret is the name in the store of the secret that was made there.
const clusterSecret = "cluster/secret"

// openCluster makes the gateway a part of its cluster, if its store can be shared.
func (g *Gateway) openCluster(ctx context.Context, c *config.Config, node string) error {
	if !g.db.Shared() {
		return nil
	}
	t := &together{g: g, bindings: &sharedBindings{node: node, all: &store.Collection[sipua.Binding]{
		DB: g.db, Name: "bindings", Label: func(b sipua.Binding) string { return b.Device },
	}}}
	t.member = &cluster.Member{
		DB: g.db, Name: node, Version: Version, Work: t, Calls: t.calls, Working: t.working, Bury: t.bury, Log: g.log, Alarms: g.Alarms,
	}
	g.together = t
	g.Phones.Bindings = t.bindings
	g.Phones.Inner = &sipua.Inner{Nodes: t}
	g.toll.Shared = &spending{node: node, all: &store.Collection[toll.Figures]{DB: g.db, Name: "spending"}}
	g.toll.Live, g.toll.Calls, g.Phones.Elsewhere = g.Switch.Spending, g.Phones.Counts, g.toll.Elsewhere
	g.Voice.May = func(account string) bool { return t.member.Holds(accountPrefix + account) }
	if c.Cluster.Listen == "" {
		return nil
	}
	secret, err := g.clusterSecret(ctx, c)
	if err != nil {
		return err
	}
	if t.id, err = cluster.NewIdentity(secret, node); err != nil {
		return err
	}
	t.tls = t.id.Client()
	g.Phones.Inner.Listen, g.Phones.Inner.Advertise, g.Phones.Inner.TLS = c.Cluster.Listen, c.Cluster.Advertise, t.id.Server()
	return nil
}

// clusterSecret is the file's, else the one in the store, made by whichever machine
// was first.
func (g *Gateway) clusterSecret(ctx context.Context, c *config.Config) (string, error) {
	if s := c.Cluster.Secret.Reveal(); s != "" {
		return s, nil
	}
	var secret string
	err := g.db.Atomically(ctx, func(ctx context.Context) error {
		var err error
		secret, err = g.Control.Secrets.Get(ctx, clusterSecret)
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		// Of machines that start at once one makes the secret: the lock says which.
		locks := &store.Collection[string]{DB: g.db, Name: "cluster_secret"}
		if _, err := locks.Swap(ctx, store.Item[string]{Key: "made", Value: g.Switch.Node}); err != nil {
			return err
		}
		secret = rand.Text()
		return g.Control.Secrets.Set(ctx, clusterSecret, secret)
	})
	if errors.Is(err, store.ErrConflict) { // another one was first
		secret, err = g.Control.Secrets.Get(ctx, clusterSecret)
	}
	if err != nil {
		return "", fmt.Errorf("the cluster's secret: %w", err)
	}
	return secret, nil
}

// applyAccounts makes accounts the ones of the configuration; in a cluster those
// among them run here whose lease this machine holds.
func (g *Gateway) applyAccounts(accounts []gvoice.Account) error {
	t := g.together
	if t == nil {
		return g.Voice.Apply(accounts)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.accounts
	t.accounts = accounts
	if err := t.applyLocked(); err != nil {
		t.accounts = was
		return err
	}
	t.member.Wake()
	return nil
}

func (t *together) applyLocked() error {
	var mine []gvoice.Account
	for _, a := range t.accounts {
		if slices.Contains(t.held, accountPrefix+a.Name) {
			mine = append(mine, a)
		}
	}
	return t.g.Voice.Apply(mine)
}

var (
	_ cluster.Work = (*together)(nil)
	_ sipua.Nodes  = (*together)(nil)
	_ call.Dialer  = (*together)(nil)
)

// Wanted implements cluster.Work.
func (t *together) Wanted() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]string, 0, len(t.accounts))
	for _, a := range t.accounts {
		out = append(out, accountPrefix+a.Name)
	}
	return out
}

// Hold implements cluster.Work.
func (t *together) Hold(resources []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if slices.Equal(t.held, resources) {
		return
	}
	t.held = resources
	if err := t.applyLocked(); err != nil {
		t.g.log.Error("Google Voice accounts not applied", "err", err)
	}
}

// Gone implements cluster.Work.
func (t *together) Gone(resource string) <-chan struct{} {
	return t.g.Voice.Gone(strings.TrimPrefix(resource, accountPrefix))
}

// Busy implements cluster.Work.
func (t *together) Busy(resource string) bool {
	return t.g.Voice.Calls(strings.TrimPrefix(resource, accountPrefix)) > 0
}

// Peer implements sipua.Nodes.
func (t *together) Peer(s *tls.ConnectionState) (string, error) {
	if t.id == nil {
		return "", errNoPeers
	}
	return t.id.Peer(s)
}

var errNoPeers = errors.New("this machine has no connections to others")

// Reach implements sipua.Nodes.
func (t *together) Reach(node string) (flow.Target, bool) {
	n, alive := t.member.Node(node)
	if !alive || n.Address == "" || t.id == nil {
		return flow.Target{}, false
	}
	host, port, err := net.SplitHostPort(n.Address)
	if err != nil {
		return flow.Target{}, false
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return flow.Target{}, false
	}
	return flow.Target{Network: "tls", Host: host, Port: int(number), ServerName: cluster.ServerName(node), TLS: t.tls}, true
}

// Contacts implements sipua.Nodes.
func (t *together) Contacts(ctx context.Context, device string) ([]sipua.Binding, error) {
	if err := t.member.Err(); err != nil {
		return nil, err // the store is away; no call waits for it
	}
	return t.bindings.of(ctx, device)
}

// Dial places a call over a Google Voice account: here, or on the machine that
// holds it.
func (t *together) Dial(ctx context.Context, d call.Destination, from call.Request) (call.Leg, error) {
	resource := accountPrefix + d.Target
	if t.member.Holds(resource) || from.Over != "" || !slices.Contains(t.Wanted(), resource) {
		return t.g.Voice.Dial(ctx, d, from)
	}
	return t.g.Phones.DialNode(ctx, d.Target, d.To, from, func(ctx context.Context, but string) (string, bool) {
		n, ok := t.member.FindHolder(ctx, resource, but)
		return n.Name, ok && n.Name != t.member.Name
	})
}

// calls are those that run here, as the other machines are shown them.
func (t *together) calls() []cluster.Call {
	live := t.g.Switch.Live()
	out := make([]cluster.Call, 0, len(live))
	for _, r := range live {
		out = append(out, cluster.Call{
			ID: r.ID, Node: t.member.Name, From: r.From, FromName: r.FromName, To: r.To, Began: r.Began, Answered: r.Answered,
			A: legName(r.A), B: legName(r.B),
		})
	}
	return out
}

func legName(l call.LegRecord) string { return strings.TrimSpace(l.Connector + " " + l.Via) }

// working are the accounts that are registered here.
func (t *together) working() (names []string) {
	for _, s := range t.g.Voice.Status() {
		if s.State == gvoice.Registered {
			names = append(names, accountPrefix+s.Account)
		}
	}
	return names
}

// Accounts returns the state of all Google Voice accounts, in the order of the
// configuration: those of this machine, and what is known of those elsewhere.
func (g *Gateway) Accounts() []gvoice.Status {
	here := g.Voice.Status()
	t := g.together
	if t == nil {
		return here
	}
	t.mu.Lock()
	accounts := t.accounts
	t.mu.Unlock()
	out := make([]gvoice.Status, 0, len(accounts))
	for _, a := range accounts {
		i := slices.IndexFunc(here, func(s gvoice.Status) bool { return s.Account == a.Name })
		if i >= 0 {
			out = append(out, here[i])
			continue
		}
		out = append(out, t.elsewhere(a))
	}
	return out
}

// elsewhere is the state of an account that this machine does not hold.
func (t *together) elsewhere(a gvoice.Account) gvoice.Status {
	s := gvoice.Status{Account: a.Name, Number: a.Number, State: gvoice.Waiting, Problem: "no machine holds the account at the moment"}
	n, ok := t.member.Holder(accountPrefix + a.Name)
	if !ok {
		return s
	}
	s.State, s.Node, s.Problem = gvoice.Elsewhere, n.Name, ""
	if !slices.Contains(n.Working, accountPrefix+a.Name) {
		s.Problem = "the machine " + n.Name + " holds the account and has not registered it yet"
	}
	return s
}

// TestAccount tries the credentials of an account, wherever it is held, and its
// connection where that is here.
func (g *Gateway) TestAccount(ctx context.Context, name string) []gvoice.Check {
	for _, a := range g.conf.Load().Accounts() {
		if a.Name != name {
			continue
		}
		all := g.Voice.Test(ctx, a)
		for _, s := range g.Accounts() {
			if s.Account == name && s.State == gvoice.Elsewhere {
				text := "The machine " + s.Node + " holds the account and registers it."
				if s.Problem != "" {
					text = "Not registered: " + s.Problem + "."
				}
				return []gvoice.Check{all[0], {Name: "registration", OK: s.Problem == "", Text: text}}
			}
		}
		return all
	}
	return []gvoice.Check{{Name: "token", Text: "There is no account of this name."}}
}

// bury closes the records of calls and registrations that a machine did not survive, and
// forgets the phones whose connections died with it.
func (t *together) bury(ctx context.Context, n cluster.Node, before time.Time) error {
	if err := t.g.closeLostOf(ctx, n, before); err != nil {
		return err
	}
	if !before.IsZero() {
		return nil // this machine's own: what Open brought back is in use again
	}
	if err := t.g.past.bury(ctx, n); err != nil {
		return err
	}
	return t.bindings.bury(ctx, n.Name)
}

// door refuses new calls while the machine drains; else it is the capacity's.
type door struct{ g *Gateway }

// drainRetry is when a caller may try again; other machines take calls meanwhile.
const drainRetry = 30 * time.Second

// Admit implements call.Admission.
func (d door) Admit(r call.Request) (func(), error) {
	if t := d.g.together; t != nil && t.member.Draining() && !d.g.emergency(r.To) {
		no := &call.RefusalError{Err: errors.New("this machine is being drained and takes no new calls; another one does")}
		no.Cause, no.Retry = call.Unavailable, drainRetry
		return nil, no
	}
	return d.g.Capacity.Admit(r)
}

// Nodes returns the machines of the cluster, and who holds which Google Voice
// account; nil on a single machine.
func (g *Gateway) Nodes() *cluster.View {
	if g.together == nil {
		return nil
	}
	return g.together.member.View()
}

// Cluster returns this machine's part in the cluster; nil on a single machine.
func (g *Gateway) Cluster() *cluster.Member {
	if g.together == nil {
		return nil
	}
	return g.together.member
}

// ClusterCalls lists the calls of all machines, as each showed them in the last seconds.
func (g *Gateway) ClusterCalls(ctx context.Context) ([]cluster.Call, error) {
	if g.together == nil {
		return nil, nil
	}
	return cluster.Calls(ctx, g.db)
}

// Drain tells a machine of the cluster to take no new calls, or to take them again.
func (g *Gateway) Drain(ctx context.Context, node string, drain bool, by string) error {
	if g.together == nil {
		return fmt.Errorf("%w: this is the only machine; several need a PostgreSQL as store", errors.ErrUnsupported)
	}
	return cluster.Drain(ctx, g.db, node, drain, by)
}

// runCluster takes part in the cluster until ctx is done.
func (g *Gateway) runCluster(ctx context.Context) error {
	if g.together == nil {
		return nil
	}
	return g.together.member.Run(ctx)
}
