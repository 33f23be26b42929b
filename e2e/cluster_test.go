//go:build unix

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tandem/call"
	"tandem/cluster"
	"tandem/internal/ports"
	"tandem/internal/postgres"
	sim "tandem/sim/gvoice"
	"tandem/sim/phone"
	"tandem/store"
)

// A town is a cluster on this machine: processes of `tandem serve`, a PostgreSQL and
// the simulated Google Voice edge.
type town struct {
	t     *testing.T
	edge  *sim.Server
	db    *store.DB
	dir   string
	url   string
	prog  string
	nodes map[string]*townNode
	free  []string // addresses for further nodes
}

// A townNode is one process.
type townNode struct {
	name, sip, inner, http string // addresses
	cmd                    *exec.Cmd
	log                    string
}

const townPassword = "a-password-for-phones"

// townAccounts are the Google Voice accounts by their names.
func townAccounts() map[string]string {
	return map[string]string{"one": "+12025550121", "two": "+12025550122", "three": "+12025550123"}
}

func buildTown(ctx context.Context, t *testing.T) *town {
	t.Helper()
	pg := postgres.Start(t)
	w := &town{t: t, dir: t.TempDir(), url: pg.URL, nodes: make(map[string]*townNode)}
	w.prog = filepath.Join(w.dir, "tandem")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", w.prog, "tandem/cmd/tandem").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	edge := sim.Config{Options: sim.Options{RegisterRate: -1}}
	for name, number := range townAccounts() {
		edge.Accounts = append(edge.Accounts, sim.Account{Number: number, ClientID: "client", ClientSecret: "secret", RefreshToken: "refresh-" + name})
	}
	w.edge = &sim.Server{Config: edge, Log: storyLog()}
	if err := w.edge.Start(context.WithoutCancel(ctx)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.edge.Close() })
	if err := os.WriteFile(filepath.Join(w.dir, "ca.pem"), w.edge.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.OpenKey(filepath.Join(w.dir, "town.key")); err != nil { // all machines have the same
		t.Fatal(err)
	}
	var err error
	if w.free, err = ports.Free(9); err != nil {
		t.Fatal(err)
	}
	if w.db, err = store.Open(ctx, w.url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.db.Close() })
	t.Cleanup(w.killAll)
	return w
}

// start starts the process of a node; after kill -9 with the same addresses.
func (w *town) start(name string) {
	w.t.Helper()
	n := w.nodes[name]
	if n == nil {
		if len(w.free) < 3 {
			w.t.Fatal("a town has three machines")
		}
		n = &townNode{name: name, sip: w.free[0], inner: w.free[1], http: w.free[2], log: filepath.Join(w.dir, name+".log")}
		w.free = w.free[3:]
		w.nodes[name] = n
	}
	file := filepath.Join(w.dir, name+".yaml")
	if err := os.WriteFile(file, []byte(w.config(n)), 0o600); err != nil {
		w.t.Fatal(err)
	}
	out, err := os.OpenFile(n.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		w.t.Fatal(err)
	}
	defer out.Close()
	n.cmd = exec.Command(w.prog, "serve", "-c", file)
	n.cmd.Dir, n.cmd.Stdout, n.cmd.Stderr = w.dir, out, out
	if err := n.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *town) config(n *townNode) string {
	var b strings.Builder
	fmt.Fprintf(&b, `node: %s
store: %s
http: %s
log: {level: debug}
managed: true
key_file: town.key
cluster: {listen: "%s"}
media: {bind: 127.0.0.1}
sip:
  domains: [town.example]
  listen:
    - {network: udp, addr: "%[5]s"}
    - {network: tcp, addr: "%[5]s"}
  devices:
`, n.name, w.url, n.http, n.inner, n.sip)
	for _, d := range []string{"kitchen", "study", "hall"} {
		fmt.Fprintf(&b, "    - {name: %s, password: %s}\n", d, townPassword)
	}
	b.WriteString("dial_plan:\n  numbers: {area: \"202\"}\n  rules:\n")
	for i, name := range []string{"one", "two", "three"} {
		fmt.Fprintf(&b, "    - {name: over %s, priority: 1, match: '%d(\\d{11})', replace: '+$1', to: [{account: %s}]}\n", name, i+1, name)
	}
	b.WriteString("google_voice:\n")
	for _, name := range []string{"one", "two", "three"} {
		fmt.Fprintf(&b, `  - name: %[1]s
    number: "%[2]s"
    user: town-%[1]s
    client_id: client
    client_secret: secret
    refresh_token: refresh-%[1]s
    token_url: %[3]s
    allow_private: true
    connect: %[4]s
    roots: ca.pem
    timing: {backoff: 100ms, max_wait: 1s, spacing: 100ms}
    ring: [{device: hall}, {device: kitchen}]
`, name, townAccounts()[name], w.edge.TokenURL(), w.edge.Addr())
	}
	return b.String()
}

func (w *town) killAll() {
	for name, n := range w.nodes {
		if n.cmd != nil {
			_ = n.cmd.Process.Kill()
			_ = n.cmd.Wait()
		}
		if w.t.Failed() {
			text, _ := os.ReadFile(n.log)
			w.t.Logf("log of %s:\n%s", name, string(text[max(0, len(text)-6000):]))
		}
	}
}

// kill is kill -9.
func (w *town) kill(name string) {
	n := w.nodes[name]
	_ = n.cmd.Process.Kill()
	_ = n.cmd.Wait()
	n.cmd = nil
}

// stop ends a node in good order.
func (w *town) stop(name string) {
	w.t.Helper()
	n := w.nodes[name]
	_ = n.cmd.Process.Signal(syscall.SIGTERM)
	if err := n.cmd.Wait(); err != nil {
		w.t.Errorf("%s: %v", name, err)
	}
	n.cmd = nil
}

// until waits for a condition of the cluster.
func (w *town) until(what string, ok func() bool) time.Duration {
	w.t.Helper()
	began := time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ; !ok(); <-tick.C {
		if time.Since(began) > patience {
			v, err := cluster.Read(w.t.Context(), w.db)
			w.t.Fatalf("%s: not within %v; cluster %+v, %v; registered %+v", what, patience, v, err, w.edge.Registrations())
		}
	}
	return time.Since(began)
}

// holders are the machines that hold each account.
func (w *town) holders() map[string]string {
	out := make(map[string]string)
	v, err := cluster.Read(w.t.Context(), w.db)
	if err != nil {
		return out
	}
	for name := range townAccounts() {
		if n, ok := v.Holder("gvoice/" + name); ok {
			out[name] = n.Name
		}
	}
	return out
}

// balanced reports whether all accounts are registered, and held by different machines.
func (w *town) balanced(machines int) bool {
	seen := make(map[string]int)
	most := 0
	for _, node := range w.holders() {
		seen[node]++
		most = max(most, seen[node])
	}
	share := (len(townAccounts()) + machines - 1) / machines
	return len(seen) == machines && most <= share && len(w.edge.Registrations()) == len(townAccounts())
}

func (w *town) phone(ctx context.Context, user, node, network string) *phone.Phone {
	w.t.Helper()
	p := &phone.Phone{Config: phone.Config{User: user, Password: townPassword, Domain: "town.example", Server: w.nodes[node].sip, Network: network, Tone: 700}, Log: storyLog()}
	if err := p.Start(context.WithoutCancel(ctx)); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = p.Close() })
	if err := p.Register(ctx); err != nil {
		w.t.Fatalf("register %s with %s: %v", user, node, err)
	}
	return p
}

// connect has from call number, waits until to has the call, and both hear the other.
func (w *town) connect(ctx context.Context, from *phone.Phone, number string, to *phone.Phone) (a, b *phone.Call) {
	w.t.Helper()
	a, err := from.Call(ctx, number)
	if err != nil {
		w.t.Fatal(err)
	}
	if b, err = to.NextCall(ctx); err != nil {
		w.t.Fatalf("%s does not ring: %v; the caller: %+v", number, err, summary(a))
	}
	w.talk(ctx, a)
	w.talk(ctx, b)
	return a, b
}

// talk waits until the call is answered and its far end is heard.
func (w *town) talk(ctx context.Context, c *phone.Call) {
	w.t.Helper()
	if err := c.WaitAnswered(ctx); err != nil {
		w.t.Fatalf("%v; %+v", err, summary(c))
	}
	for c.Heard().Packets < 10 {
		select {
		case <-ctx.Done():
			w.t.Fatalf("nothing is heard; %+v", summary(c))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// hangUp ends the call at one side, and waits until the other knows.
func (w *town) hangUp(ctx context.Context, one, other *phone.Call) {
	w.t.Helper()
	if err := one.HangUp(ctx); err != nil {
		w.t.Fatal(err)
	}
	if _, err := other.Wait(ctx); err != nil {
		w.t.Fatalf("the other side was not told: %v", err)
	}
}

// outside has a phone call a person in the world over an account, which talks.
func (w *town) outside(ctx context.Context, from *phone.Phone, account string) *phone.Call {
	w.t.Helper()
	digit := 1 + slices.Index([]string{"one", "two", "three"}, account)
	c, err := from.Call(ctx, fmt.Sprintf("%d12025550100", digit))
	if err != nil {
		w.t.Fatal(err)
	}
	w.talk(ctx, c)
	return c
}

// fromOutside has somebody in the world call an account, and p answer.
func (w *town) fromOutside(ctx context.Context, account string, p *phone.Phone) {
	w.t.Helper()
	in, err := w.edge.PlaceCall(ctx, sim.Incoming{To: townAccounts()[account], From: "+12025550177", Talk: sim.Person{Tone: 1000}})
	if err != nil {
		w.t.Fatal(err)
	}
	c, err := p.NextCall(ctx)
	if err != nil {
		w.t.Fatalf("a call to %s does not ring: %v; %+v", account, err, in.Report())
	}
	w.talk(ctx, c)
	if from := c.Report().From; !strings.Contains(from, "2025550177") {
		w.t.Errorf("the caller is shown as %s", from)
	}
	if err := c.HangUp(ctx); err != nil {
		w.t.Fatal(err)
	}
	if _, err := in.Wait(ctx); err != nil {
		w.t.Fatal(err)
	}
}

// status asks a node's own status page.
func (w *town) status(name string) (s struct {
	Calls []call.Record `json:"calls"`
},
) {
	resp, err := http.Get("http://" + w.nodes[name].http + "/status") //nolint:noctx // loopback
	if err != nil {
		return s
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return s
	}
	_ = json.Unmarshal(text, &s)
	return s
}
