package sdp

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite testdata/answers")

// TestVendorsOffersAreAnsweredByTheRules holds goal R-2: every offer in
// testdata/offers, under every policy, gets an answer without a rule violation or a
// refusal with a reason; testdata/answers shows which.
func TestVendorsOffersAreAnsweredByTheRules(t *testing.T) {
	files, err := filepath.Glob("testdata/offers/*.sdp")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d offers, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".sdp")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			offer, err := Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata/answers", name+".txt"), answers(t, offer))
		})
	}
}

// answers shows what every policy makes of an offer.
func answers(t *testing.T, offer *Description) string {
	t.Helper()
	var b strings.Builder
	taken := 0
	for _, policy := range policies {
		caps, tr := gateway(policy)
		fmt.Fprintf(&b, "== %s\n", policy)
		answer, agreed, err := Answer(caps, tr, offer, "")
		if err != nil {
			fmt.Fprintf(&b, "%d %s\n", err.(*Error).Status, err)
			continue
		}
		taken++
		for _, v := range violations(offer, answer) {
			t.Errorf("%s: %s", policy, v)
		}
		b.WriteString(strings.ReplaceAll(answer.String(), "\r\n", "\n"))
		for _, s := range agreed.Streams {
			fmt.Fprintf(&b, "-> %s\n", describeStream(&s))
		}
	}
	if taken == 0 {
		t.Error("no policy takes this offer")
	}
	return b.String()
}

func describeStream(s *Stream) string {
	out := fmt.Sprintf("m%d mid=%q %s %s/%d send=%d recv=%d event=%d/%d %s to %s rtcp %s mux=%t ptime=%s",
		s.Index, s.MID, s.Security, s.Send.Name, s.Send.Clock, s.Send.PayloadType, s.Recv.PayloadType,
		s.SendEvent.PayloadType, s.SendEvent.Clock, s.Direction, s.Remote, s.RTCP, s.Mux, s.SendPTime)
	switch s.Security {
	case DTLS:
		out += " dtls " + s.DTLS.Role.String()
	case SDES:
		out += fmt.Sprintf(" sdes %d %s", s.Keys.Tag, s.Keys.Suite)
	}
	if s.ICE != nil {
		out += fmt.Sprintf(" ice lite=%t trickle=%t %d candidates", s.ICE.Lite, s.ICE.Trickle, len(s.ICE.Candidates))
	}
	if s.Mismatch {
		out += " ice-mismatch"
	}
	for _, c := range s.Codecs {
		out += fmt.Sprintf(" %s:%d", c.Name, c.PayloadType)
	}
	return out
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (-update rewrites it):\n%s", file, got)
	}
}
