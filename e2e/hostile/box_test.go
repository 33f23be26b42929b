package hostile

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"tandem/call"
	sim "tandem/sim/gvoice"
	"tandem/sim/phone"
	"tandem/store"
)

// buffer is a bytes.Buffer for two goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// box is a machine with the gateway as a process of its own, and what is around it.
type box struct {
	dir, binary, http, sip string
	media                  int // first of its 16 ports
	edge                   *sim.Server
	out                    buffer // standard output and error of all runs
	cmd                    *exec.Cmd
}

// Secrets that must show up nowhere.
const (
	canaryPassword = "canary-device-password"
	canarySecret   = "canary-client-secret"
	canaryRefresh  = "canary-refresh-token"
)

// programs is where the program is built; TestMain removes it.
var programs string

func TestMain(m *testing.M) {
	var err error
	if programs, err = os.MkdirTemp("", "tandem-hostile-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(programs)
	os.Exit(code)
}

// program builds the gateway once for all tests and returns its path.
var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(programs, "tandem")
	if out, err := exec.Command("go", "build", "-o", path, "tandem/cmd/tandem").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

// boxes counts the boxes, which run at the same time, each with media ports of its own.
var boxes = count()

func newBox(t *testing.T) *box {
	t.Helper()
	if testing.Short() {
		t.Skip("builds the program")
	}
	b := &box{dir: t.TempDir(), http: freeAddr(t)}
	var err error
	if b.binary, err = program(); err != nil {
		t.Fatal(err)
	}
	b.edge = &sim.Server{Config: sim.Config{Accounts: []sim.Account{{
		Number: "+12025550123", ClientID: "demo-client", ClientSecret: canarySecret, RefreshToken: canaryRefresh,
	}}}, Log: testLog()}
	if err := b.edge.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.edge.Close() })
	if err := os.WriteFile(b.path("ca.pem"), b.edge.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	b.sip = freeAddr(t)
	b.media = 20000 + 16*((os.Getpid()+boxes())%200)
	b.configure(t, "")
	t.Cleanup(func() { b.kill(syscall.SIGKILL) })
	return b
}

func (b *box) path(name string) string { return filepath.Join(b.dir, name) }

// configure writes the configuration; further is more of it.
func (b *box) configure(t *testing.T, devices string) {
	t.Helper()
	text := fmt.Sprintf(`node: box
store: sqlite:%s
http: %s
log: {level: debug}
media: {bind: 127.0.0.1, port_min: %d, port_max: %d}
sip:
  listen:
    - {network: udp, addr: "%s"}
    - {network: tcp, addr: "%s"}
  domains: [tandem.example]
  devices:
    - {name: kitchen, password: %s, encrypt: ""}
    - {name: study, password: %s}
%s
google_voice:
  - name: home
    number: "+12025550123"
    user: tandem-box
    client_id: demo-client
    client_secret: %s
    refresh_token: %s
    token_url: %s
    allow_private: true
    connect: %s
    roots: %s
    timing: {backoff: 100ms, max_wait: 1s, spacing: 100ms}
    ring: [{device: kitchen}]
outbound:
  - account: home
`, b.path("tandem.db"), b.http, b.media, b.media+15, b.sip, b.sip, canaryPassword, canaryPassword, devices, canarySecret, canaryRefresh, b.edge.TokenURL(), b.edge.Addr(), b.path("ca.pem"))
	if err := os.WriteFile(b.path("tandem.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run starts the gateway and waits until it answers; it returns how long that took.
func (b *box) run(t *testing.T, args ...string) time.Duration {
	t.Helper()
	b.cmd = exec.Command(b.binary, append([]string{"serve", "-c", b.path("tandem.yaml")}, args...)...)
	b.cmd.Stdout, b.cmd.Stderr = &b.out, &b.out
	began := time.Now()
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("udp", b.sip)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for time.Since(began) < patience {
		_, _ = io.WriteString(c, request("OPTIONS", "sip:tandem.example", "udp"))
		if a, err := final(c, "udp", 20*time.Millisecond); err == nil && a.status == 200 {
			return time.Since(began)
		} else if err != nil && !isTimeout(err) {
			time.Sleep(5 * time.Millisecond) // nobody listens yet
		}
	}
	t.Fatalf("the gateway does not answer:\n%s", b.out.String())
	return 0
}

// kill ends the gateway by a signal and waits for it.
func (b *box) kill(s syscall.Signal) {
	if b.cmd == nil {
		return
	}
	_ = b.cmd.Process.Signal(s)
	_ = b.cmd.Wait()
	b.cmd = nil
}

func (b *box) phone(t *testing.T, user string, tone float64) *phone.Phone {
	t.Helper()
	p := &phone.Phone{Config: phone.Config{User: user, Password: canaryPassword, Domain: "tandem.example", Server: b.sip, Tone: tone}, Log: testLog()}
	if err := p.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	if err := p.Register(within(t, patience)); err != nil {
		t.Fatal(err)
	}
	return p
}

func (b *box) get(t *testing.T, path string) string {
	t.Helper()
	resp, err := http.Get("http://" + b.http + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// until waits for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func (b *box) accountRegistered(t *testing.T) {
	t.Helper()
	until(t, "the account is registered", func() bool {
		var s struct {
			Accounts []struct {
				State string `json:"state"`
			} `json:"google_voice"`
		}
		resp, err := http.Get("http://" + b.http + "/status")
		if err != nil {
			return false // it is not up yet
		}
		defer resp.Body.Close()
		return json.NewDecoder(resp.Body).Decode(&s) == nil && len(s.Accounts) == 1 && s.Accounts[0].State == "registered"
	})
}

// connect calls the study from the kitchen and waits for the tone.
func connect(t *testing.T, from, to *phone.Phone, number string, tone float64) (*phone.Call, *phone.Call) {
	t.Helper()
	ctx := within(t, patience)
	c, err := from.Call(ctx, number)
	if err != nil {
		t.Fatal(err)
	}
	other, err := to.NextCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.WaitAnswered(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.WaitTone(ctx, tone, 200*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	return c, other
}

func (b *box) records(t *testing.T) []call.Record {
	t.Helper()
	db, err := store.Open(context.Background(), "sqlite:"+b.path("tandem.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	log := &store.Log[call.Record]{DB: db, Name: "calls"}
	all, err := log.List(context.Background(), store.Span{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	var out []call.Record
	for _, e := range all {
		out = append(out, e.Value)
	}
	return out
}
