//go:build peers

package e2e

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestPeers tells stories with phones that others wrote: baresip, linphone and
// SIPp. They are Debian's packages, see TEST_PACKAGES in the Makefile.
func TestPeers(t *testing.T) {
	t.Parallel()
	all := maps.Clone(commands)
	maps.Copy(all, peerCommands)
	testscript.Run(t, testscript.Params{Dir: filepath.Join("testdata", "peers"), Cmds: all, Setup: setupPeers})
}

func setupPeers(env *testscript.Env) error {
	env.Values[peersKey{}] = &peers{}
	return setup(env)
}

type peersKey struct{}

// peers are the programs of one script.
type peers struct {
	bares     map[string]*baresip
	linphones map[string]*linphone
}

var peerCommands = map[string]func(*testscript.TestScript, bool, []string){
	"listen": listenFor, // listen: sets $UDP, $TCP, $TLS, $UDP6, $PASSWORD and a free $PORT for exec

	"baresip":   startBaresip,                          // baresip NAME [transport=tcp] [tone=440] [mediaenc=srtp] [medianat=ice] [codecs=pcmu,opus/48000/2] [host=ipv6] [failing] [video=h264] [key=value…]
	"bs":        onBaresip((*baresip).command),         // bs NAME COMMAND [PARAMS]: as a person types it
	"event":     onBaresip((*baresip).event),           // event NAME TYPE [PARAM]: waits for it; events before are forgotten
	"leaves":    onBaresip((*baresip).leave),           // leaves NAME: it un-registers and ends
	"heard":     onBaresip((*baresip).heard),           // heard NAME HZ [DBFS]: it plays the tone now, without a gap
	"hearssome": onBaresip((*baresip).hearsSome),       // hearssome NAME HZ: it plays the tone, with gaps or without
	"sees":      onBaresip((*baresip).sees),            // sees NAME COLOUR [TEXT]: most of its picture is of the colour, and the text stands in it
	"holds":     onBaresip((*baresip).hearsNothingNew), // holds NAME: it plays nothing now

	"linphone": startLinphone,                   // linphone NAME [transport=tcp]
	"lp":       onLinphone((*linphone).command), // lp NAME COMMAND…: must be answered with Ok
	"says":     onLinphone((*linphone).says),    // says NAME TEXT: waits for an answer or event; what came before is forgotten
}

// listenFor tells the script where the gateway listens.
func listenFor(ts *testscript.TestScript, _ bool, _ []string) {
	s := ts.Value(storyKey{}).(*story)
	for _, l := range s.Gateway.Listens() {
		name := strings.ToUpper(l.Network)
		if strings.HasPrefix(l.Addr.String(), "[") {
			name += "6"
		}
		ts.Setenv(name, l.Addr.String())
	}
	ts.Setenv("PASSWORD", s.Password)
	ts.Setenv("PORT", freeUDPPort(ts))
}

// peer runs f with the patience of a story.
func within(ts *testscript.TestScript, neg bool, f func(ctx context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	switch err := f(ctx); {
	case neg && err == nil:
		ts.Fatalf("it worked, and should not")
	case !neg && err != nil:
		ts.Fatalf("%v", err)
	}
}

// address is where the gateway takes network, by IPv6 if six.
func (s *story) address(network string, six bool) string {
	for _, l := range s.Gateway.Listens() {
		if l.Network == network && strings.HasPrefix(l.Addr.String(), "[") == six {
			return l.Addr.String()
		}
	}
	return ""
}

// tail is the end of a peer's log, for a failure.
func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-6000):])
}
