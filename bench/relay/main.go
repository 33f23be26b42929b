// Command relay is the gateway's media plane without its signalling: what `make
// bench` measures against other relays. It takes offers and answers as JSON lines
// on standard input, as the signalling would hand them over, and joins two
// sessions for each call until its input ends.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"runtime"
	"runtime/pprof"

	"tandem/media"
	"tandem/media/bridge"
	"tandem/media/sdp"
	"tandem/media/transport"
)

// request is one line of the input. An "offer" is of the calling phone and is
// answered with ours to the called one; an "answer" is of the called phone and is
// answered with ours to the calling one; then media can flow. "stats" asks how
// much was allocated.
type request struct {
	Command string `json:"command"`
	Call    string `json:"call"`
	SDP     string `json:"sdp"`
}

type reply struct {
	SDP     string `json:"sdp,omitempty"`
	Path    string `json:"path,omitempty"`
	Mallocs uint64 `json:"mallocs,omitempty"`
	Error   string `json:"error,omitempty"`
}

// relay holds the calls.
type relay struct {
	engine *transport.Engine
	secure sdp.Security // of called phones
	calls  map[string]*call
}

type call struct {
	a, b   *transport.Session
	offer  []byte // the calling phone's
	bridge *bridge.Bridge
}

func main() {
	workers := flag.Int("workers", 0, "goroutines that move packets; 0 is one for each CPU")
	first := flag.Int("first", 16000, "first media port")
	last := flag.Int("last", 19999, "last media port")
	secure := flag.Bool("sdes", false, "called phones speak SRTP")
	profile := flag.String("cpuprofile", "", "file for a CPU profile")
	flag.Parse()
	if err := run(*workers, *first, *last, *secure, *profile); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(workers, first, last int, secure bool, profile string) error {
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	r := &relay{calls: map[string]*call{}, engine: &transport.Engine{
		Workers: workers, PortMin: first, PortMax: last, BindIPv4: netip.AddrFrom4([4]byte{127, 0, 0, 1}),
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}}
	if secure {
		r.secure = sdp.SDES
	}
	return r.serve(os.Stdin, os.Stdout)
}

// serve serves requests until the input ends.
func (r *relay) serve(in io.Reader, out io.Writer) error {
	if err := r.engine.Start(); err != nil {
		return err
	}
	defer r.close()
	lines, enc := bufio.NewScanner(in), json.NewEncoder(out)
	for lines.Scan() {
		var q request
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			return err
		}
		p, err := r.do(q)
		if err != nil {
			p.Error = err.Error()
		}
		if err := enc.Encode(p); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (r *relay) do(q request) (reply, error) {
	switch q.Command {
	case "offer":
		return r.offer(q)
	case "answer":
		return r.answer(q)
	case "stats":
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return reply{Mallocs: m.Mallocs}, nil
	}
	return reply{}, fmt.Errorf("%q is none of offer, answer, stats", q.Command)
}

func (r *relay) offer(q request) (reply, error) {
	c := &call{offer: []byte(q.SDP)}
	var err error
	if c.a, err = r.engine.NewSession(options(q.Call+"a", sdp.Plain)); err != nil {
		return reply{}, err
	}
	if c.b, err = r.engine.NewSession(options(q.Call+"b", r.secure)); err != nil {
		return reply{}, err
	}
	r.calls[q.Call] = c
	offer, err := c.b.Offer()
	return reply{SDP: string(offer)}, err
}

func (r *relay) answer(q request) (reply, error) {
	c := r.calls[q.Call]
	if c == nil {
		return reply{}, fmt.Errorf("no call %q", q.Call)
	}
	if err := c.b.SetAnswer([]byte(q.SDP)); err != nil {
		return reply{}, err
	}
	answer, err := c.a.AnswerTo(c.offer, c.b.Sinks()[0].Info().Codec)
	if err != nil {
		return reply{}, err
	}
	c.bridge = bridge.Join(c.a, c.b, bridge.Options{})
	return reply{SDP: string(answer), Path: c.bridge.String()}, nil
}

// close ends calls as the gateway does: the bridge first.
func (r *relay) close() {
	for _, c := range r.calls {
		if c.bridge != nil {
			c.bridge.Close()
		}
	}
	_ = r.engine.Close()
}

// options are those of a phone's leg.
func options(name string, secure sdp.Security) transport.Options {
	return transport.Options{Name: name, Capabilities: sdp.Capabilities{
		Audio: []sdp.Codec{
			{Name: "OPUS", Clock: 48000, Channels: 2, PayloadType: 111, FMTP: "useinbandfec=1"},
			{Name: "PCMU", Clock: 8000, PayloadType: 0},
			{Name: "PCMA", Clock: 8000, PayloadType: 8},
		},
		Events:   []media.Event{{PayloadType: 101, Clock: 8000}},
		Security: secure,
	}}
}
