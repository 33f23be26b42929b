package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"tandem/call"
	"tandem/config"
	"tandem/internal/stage"
	"tandem/leg/sipua"
	sim "tandem/sim/gvoice"
	"tandem/sim/phone"
	"tandem/store"
)

// patience is how long a story waits for anything; a good machine needs a tenth.
const patience = 90 * time.Second

// story is the state of one script.
type story struct {
	*stage.Stage
	phones map[string]*phone.Phone
	calls  map[string]*phone.Call // the last call of each phone, and named ones
	outer  *sim.Call              // the last call placed from outside
}

type storyKey struct{}

func setup(env *testscript.Env) error {
	s := &story{phones: map[string]*phone.Phone{}, calls: map[string]*phone.Call{}}
	env.Values[storyKey{}] = s
	env.Defer(func() {
		if s.Stage != nil {
			if err := s.Close(); err != nil {
				panic(fmt.Sprintf("the stage does not close: %v", err))
			}
		}
	})
	return nil
}

// command makes a script command of a function that returns an error.
func command(f func(s *story, ctx context.Context, args []string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		err := f(ts.Value(storyKey{}).(*story), ctx, args)
		switch {
		case neg && err == nil:
			ts.Fatalf("it worked, and should not")
		case !neg && err != nil:
			ts.Fatalf("%v", err)
		}
	}
}

var commands = map[string]func(*testscript.TestScript, bool, []string){
	"stage":   beginStage,
	"restart": command((*story).restart),

	"phone":      command((*story).phone),      // phone NAME [tone=440] [network=tcp] [answer=manual|486|2s] [codecs=PCMA,PCMU] [reliable] [noevents] [password=x]
	"dial":       command((*story).dial),       // dial NAME NUMBER [as CALL]
	"early":      command((*story).early),      // early CALL: it hears early media
	"ringing":    command((*story).ringing),    // ringing CALL
	"incoming":   command((*story).incoming),   // incoming PHONE [from=TEXT] [as CALL]: waits for a call
	"answer":     command((*story).answer),     // answer CALL
	"reject":     command((*story).reject),     // reject CALL STATUS
	"answered":   command((*story).answered),   // answered CALL
	"hears":      command((*story).hears),      // hears CALL HZ
	"ringback":   command((*story).ringback),   // ringback CALL: it hears two tones at once
	"sounds":     command((*story).sounds),     // sounds CALL HZ: the phone sends another tone
	"silent":     command((*story).silent),     // silent CALL: it hears nothing now
	"press":      command((*story).press),      // press CALL KEYS [info]
	"gets":       command((*story).gets),       // gets CALL KEYS: by telephone-event
	"hold":       command((*story).hold),       // hold CALL
	"resume":     command((*story).resume),     // resume CALL
	"transfer":   command((*story).transfer),   // transfer CALL NUMBER
	"attend":     command((*story).attend),     // attend CALL CALL2: joins the far ends
	"hangup":     command((*story).hangup),     // hangup CALL
	"ended":      command((*story).ended),      // ended CALL [STATUS] [text=SENTENCE]
	"quality":    command((*story).quality),    // quality CALL: no loss, no long gap
	"unplug":     command((*story).unplug),     // unplug PHONE: it disappears
	"unregister": command((*story).unregister), // unregister PHONE

	"outside":    command((*story).outside),    // outside FROM [name=X] [display=VARIANT] [tone=HZ] [talk=3s] [cancel=2s] [dtmf=12]
	"outerends":  command((*story).outerEnds),  // outerends OUTCOME
	"outerhears": command((*story).outerHears), // outerhears HZ: the far person, in either direction
	"outergets":  command((*story).outerGets),  // outergets KEYS
	"outerhangs": command((*story).outerHangs), // the far person hangs up
	// the far person is through to somebody
	"outeranswered": command((*story).outerAnswered),
	"outercalls":    command((*story).outerCalls), // outercalls N: the edge has seen so many calls
	"fault":         command((*story).fault),      // fault KIND [status=503] [times=1] [delay=1s]
	"repair":        command((*story).repair),     // repair: no fault any more
	"account":       command((*story).account),    // account STATE
	"alarmed":       command((*story).alarmed),    // alarmed [TEXT]: an alarm says so; without TEXT there is none
	"clean":         command((*story).clean),      // clean [RULE…]: the edge complained about nothing (else)

	"meet":      command((*story).meet),      // meet PIN has|waits|left [REASON]|hears HZ|sees COLOUR|muted|unmuted|ends|removes|admits
	"meetclean": command((*story).meetClean), // the meeting service complained about nothing

	"record": command((*story).record), // record key=value…: the newest call record; cause, path~, from, to, tried, b
	"idle":   command((*story).idle),   // no call, no media session is left
}

// beginStage reads the story's config changes: stage [key=value…].
func beginStage(ts *testscript.TestScript, _ bool, args []string) {
	s := ts.Value(storyKey{}).(*story)
	o := stage.Options{Dir: ts.Getenv("WORK"), Log: storyLog()}
	o.Edge.Options.ConcurrentCalls = -1
	o.Edge.People = people
	var file string
	for _, a := range args {
		k, v, _ := strings.Cut(a, "=")
		switch k {
		case "tls", "ipv6":
			listenOn(ts, &o, k)
		case "unregistered":
		case "meet":
			o.Meet = meetings()
		case "config":
			file = ts.MkAbs(v)
		case "edge": // the simulator's configuration file, as of tandem sim --config
			edge, err := sim.ParseConfig([]byte(ts.ReadFile(v)))
			if err != nil {
				ts.Fatalf("%s: %v", v, err)
			}
			o.Edge.Options, o.Edge.Timing = edge.Options, edge.Timing
		default:
			ts.Fatalf("stage knows no %q", a)
		}
	}
	var bad error
	o.Change = func(c *config.Config) {
		if len(o.SIP) > 0 {
			c.Media.BindIPv6 = netip.IPv6Loopback()
		}
		if file != "" { // what the story's file names replaces the stage's
			bad = config.DecodeFile(file, c)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	st, err := stage.Start(ctx, o)
	if err == nil && bad != nil {
		err = bad
	}
	ts.Check(err)
	s.Stage = st
	if len(st.Config.Voice) > 0 && !slices.Contains(args, "unregistered") {
		ts.Check(st.WaitRegistered(ctx))
	}
}

// listenOn adds a listener to UDP and TCP.
func listenOn(ts *testscript.TestScript, o *stage.Options, kind string) {
	if o.SIP == nil {
		o.SIP = []sipua.Listen{{Network: "udp", Addr: "127.0.0.1:0"}, {Network: "tcp", Addr: "127.0.0.1:0"}}
	}
	if kind == "ipv6" {
		o.SIP = append(o.SIP, sipua.Listen{Network: "udp", Addr: "[::1]:0"}, sipua.Listen{Network: "tcp", Addr: "[::1]:0"})
		return
	}
	text, err := selfSigned()
	ts.Check(err)
	file := ts.MkAbs("gateway.pem")
	ts.Check(os.WriteFile(file, text, 0o600))
	o.SIP = append(o.SIP, sipua.Listen{Network: "tls", Addr: "127.0.0.1:0", Cert: file})
}

// selfSigned is a certificate of tandem.example with its key.
func selfSigned() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"tandem.example"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...), nil
}

// people are far persons beside the simulator's own.
var people = []sim.Person{
	{Number: "+12025550180", Tone: 700, AnswerAfter: 200 * time.Millisecond},
	{Number: "+12025550181", Tone: 760, AnswerAfter: 200 * time.Millisecond},
	{Number: "+12025550182", AnswerAfter: 3500 * time.Millisecond, EarlyTone: 480, Tone: 700},
	{Number: "+12025550183", NoEarlyMedia: true, Ring: 300 * time.Millisecond, AnswerAfter: 4 * time.Second, Tone: 700},
	{Number: "+12025550184", Echo: true, AnswerAfter: 100 * time.Millisecond},
	{Number: "+12025550185", NoAnswer: true},
	{Number: "+12025550186", Refuse: 486},
	{Number: "+12025550187", Refuse: 603},
	{Number: "+12025550188", DTMF: "159#", AnswerAfter: 500 * time.Millisecond, Tone: 700},
	{Number: "+12025550189", Tone: 700, AnswerAfter: 200 * time.Millisecond, TalkFor: time.Second},
}

func (s *story) restart(ctx context.Context, _ []string) error {
	if err := s.Halt(); err != nil {
		return err
	}
	s.Pin()
	if err := s.Run(ctx); err != nil {
		return err
	}
	return s.WaitRegistered(ctx)
}

// options splits key=value arguments; bare words are keys with "".
func options(args []string) map[string]string {
	out := make(map[string]string)
	for i := 0; i < len(args); i++ {
		if args[i] == "as" && i+1 < len(args) {
			out["as"] = args[i+1]
			i++
			continue
		}
		k, v, _ := strings.Cut(args[i], "=")
		out[k] = v
	}
	return out
}

func (s *story) record(ctx context.Context, args []string) error {
	s.Gateway.Switch.Wait()
	if err := s.Gateway.Settle(ctx); err != nil {
		return err
	}
	var all []store.Entry[call.Record]
	err := until(ctx, func() (err error) {
		if all, err = s.Gateway.History.List(ctx, store.Span{Limit: 1}); err == nil && (len(all) == 0 || all[0].Value.Ended.IsZero()) {
			err = errors.New("there is no finished call record")
		}
		return err
	})
	if err != nil {
		return err
	}
	r := all[0].Value
	var tried []string
	for _, t := range r.Tried {
		tried = append(tried, t.Target+":"+t.Cause.String())
	}
	have := map[string]string{
		"cause": r.Cause.String(), "from": r.From, "to": r.To, "path": r.Path, "tried": strings.Join(tried, ","),
		"a": r.A.Via, "b": r.B.Via, "text": r.Text, "name": r.FromName, "answered": strconv.FormatBool(!r.Answered.IsZero()),
	}
	for _, a := range args {
		k, want, _ := strings.Cut(a, "=")
		k, part := strings.CutSuffix(k, "~")
		got, known := have[k]
		if !known {
			return fmt.Errorf("a record has no %q", k)
		}
		if got != want && (!part || !strings.Contains(got, want)) {
			return fmt.Errorf("record: %s is %q, want %q (%+v)", k, got, want, r)
		}
	}
	return nil
}

func (s *story) idle(ctx context.Context, _ []string) error {
	return until(ctx, func() error {
		if n := s.Gateway.Engine.Stats(); n.Sessions != 0 || n.Ports != 0 {
			return fmt.Errorf("%d media sessions and %d ports are left", n.Sessions, n.Ports)
		}
		if live := s.Gateway.Switch.Live(); len(live) != 0 {
			return fmt.Errorf("calls are left: %+v", live)
		}
		return nil
	})
}
