package gvoice

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/rtp"

	"tandem/sim/audio"
)

// TestGVS32AFullICEAgentConnects lets an ICE implementation that is not ours
// talk to the relay, over both candidates.
func TestGVS32AFullICEAgentConnects(t *testing.T) {
	c := registered(t, nil)
	agent, err := ice.NewAgentWithOptions(ice.WithNetworkTypes([]ice.NetworkType{ice.NetworkTypeUDP4, ice.NetworkTypeUDP6}),
		ice.WithIncludeLoopback(), ice.WithHostAcceptanceMinWait(0), ice.WithCheckInterval(20*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer agent.Close()
	gathered := make(chan struct{})
	_ = agent.OnCandidate(func(found ice.Candidate) {
		if found == nil {
			close(gathered)
		}
	})
	if err := agent.GatherCandidates(); err != nil {
		t.Fatal(err)
	}
	<-gathered
	c.media = newMedia(t)
	c.media.ufrag, c.media.pwd, err = agent.GetLocalUserCredentials()
	if err != nil {
		t.Fatal(err)
	}
	c.invite("invite-seed.sip", "offer-seed.sdp", "12025550103")
	sdp := c.status(183).Body
	d, _ := parseSDP(sdp)
	for line := range strings.SplitSeq(string(sdp), "\r\n") {
		if v, ok := strings.CutPrefix(line, "a=candidate:"); ok {
			candidate, err := ice.UnmarshalCandidate(v)
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			if err := agent.AddRemoteCandidate(candidate); err != nil {
				t.Fatal(err)
			}
		}
	}
	conn, err := agent.Dial(soon(t), d.ufrag, d.pwd)
	if err != nil {
		t.Fatal(err)
	}
	hearEarlyTone(t, conn.Read)
	m := c.lastCall().Report().Legs[0].Media
	if !m.Nominated || m.BadChecks != 0 || !bytes.Contains(sdp, []byte("a=ice-lite")) {
		t.Errorf("%+v", m)
	}
}

func hearEarlyTone(t *testing.T, read func([]byte) (int, error)) {
	t.Helper()
	var in audio.Receiver
	buf := make([]byte, 1500)
	for range 25 {
		n, err := read(buf)
		if err != nil {
			t.Fatal(err)
		}
		var p rtp.Packet
		if err := p.Unmarshal(buf[:n]); err != nil {
			t.Fatal(err)
		}
		in.Packet(time.Now(), &p)
	}
	if r := in.Report(); math.Abs(r.Tone-440) > 5 || r.Lost != 0 {
		t.Errorf("heard %+v", r)
	}
}
