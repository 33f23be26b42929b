package call

import (
	"encoding/json"
	"log/slog"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"tandem/media"
)

// TestRecordsAreWrittenInSnakeCase looks at every key of a record that has them all.
func TestRecordsAreWrittenInSnakeCase(t *testing.T) {
	now := time.Unix(1, 0).UTC()
	leg := LegRecord{ID: "l", Connector: "fake", Via: "v", Remote: "r", Codec: "PCMU", MOS: 4, Media: media.Stats{
		PacketsIn: 1, PacketsOut: 2, BytesIn: 3, BytesOut: 4, Lost: 5, Late: 6, Dropped: 7, Jitter: 8, RemoteLost: 9, RoundTrip: 10, FirstIn: now, LastIn: now,
	}}
	rec := Record{
		ID: "c", Node: "n", Began: now, Rang: now, Answered: now, Ended: now, From: "f", FromName: "fn", To: "t",
		A: leg, B: leg, Tried: []Attempt{{"fake", "x", "y", Busy, "z"}}, Cause: Lost, Text: "e", Path: "p", Talked: 11,
	}
	text, err := json.Marshal(rec)
	if err != nil {
		t.Fatal(err)
	}
	keys := regexp.MustCompile(`"([^"]+)":`).FindAllStringSubmatch(string(text), -1)
	if len(keys) < 50 {
		t.Errorf("only %d keys in %s", len(keys), text)
	}
	for _, key := range keys {
		if !regexp.MustCompile(`^[a-z_]+$`).MatchString(key[1]) {
			t.Errorf("the key %s", key[1])
		}
	}
	var again Record
	if err := json.Unmarshal(text, &again); err != nil || again.A != rec.A || again.Talked != rec.Talked {
		t.Errorf("read back: %+v, %v", again, err)
	}
}

// lateBridge is a bridge with jitter buffers.
type lateBridge struct {
	fakeBridge
	ofA, ofB uint64
}

func (b lateBridge) Late() (ofA, ofB uint64) { return b.ofA, b.ofB }

// heard is a leg's media that packets came to.
type heard struct{ fakeMedia }

func (heard) Stats() media.Stats      { return media.Stats{PacketsIn: 100} }
func (heard) Sources() []media.Source { return []media.Source{heardSource{}} }

type heardSource struct{ media.Source }

func (heardSource) Info() media.StreamInfo { return media.StreamInfo{Codec: "PCMU"} }

func TestWhatCameTooLateForTheBridgesIsInTheRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := newFakeLeg("a", 0), newFakeLeg("b", 0), newFakeLeg("c", 0)
		r := newRig(t, exchange{"b": b, "c": c})
		next := []lateBridge{{fakeBridge{r: r}, 3, 5}, {fakeBridge{r: r}, 2, 7}}
		r.sw.Join = func(_, _ media.Session, _ bool, _ *slog.Logger) Bridge {
			one := next[0]
			next = next[1:]
			return one
		}
		for _, l := range []*fakeLeg{a, b, c} {
			l.media = heard{}
		}
		r.call(t.Context(), a, "b")
		b.events <- Answered{}
		r.want(a, Answered{})
		b.events <- Transfer{To: "c"} // a is joined with c
		synctest.Wait()
		c.events <- Answered{}
		r.want(b, Transferred{NormalClearing})
		synctest.Wait()
		a.end(NormalClearing)
		rec := r.wantEnd(NormalClearing)
		if rec.A.Media.Late != 5 || rec.B.Media.Late != 7 || rec.B.ID != "c" {
			t.Errorf("%d packets of A too late, want 3 and 2; %d of %s, want 7 of c", rec.A.Media.Late, rec.B.Media.Late, rec.B.ID)
		}
		if clean := (media.Stats{PacketsIn: 100}).MOS("PCMU"); rec.B.MOS >= clean-0.3 {
			t.Errorf("MOS %v with 7 %% unheard, %v without", rec.B.MOS, clean)
		}
	})
}
