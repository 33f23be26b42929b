package meet

import (
	"testing"
	"time"
)

func TestKnocksArePaced(t *testing.T) {
	for _, test := range []struct {
		name        string
		each, limit time.Duration // the service's in its lobby, and the caller's
		want        []time.Duration
	}{
		{"the service lets wait as long as we do", 30 * time.Second, 30 * time.Second, nil},
		{"once more", 20 * time.Second, 30 * time.Second, []time.Duration{20 * time.Second}},
		{"three fit, spread to the end", 3 * time.Second, 30 * time.Second, []time.Duration{13500 * time.Millisecond, 27 * time.Second}},
		{"a long wait of long knocks has no pauses", 30 * time.Second, 2 * time.Minute, []time.Duration{30 * time.Second, time.Minute, 91 * time.Second}},
		{"a long wait of short knocks", 2 * time.Second, 2 * time.Minute, []time.Duration{20333333333, 40666666666, 63 * time.Second, 83333333333, 103666666666}},
		{"nothing is told", 0, 30 * time.Second, []time.Duration{15 * time.Second}},
	} {
		var k knocks
		begin := time.Unix(1000, 0)
		var got, vain []time.Duration
		for now := begin; ; {
			now = now.Add(test.each)
			vain = append(vain, now.Sub(begin))
			k.ended(now, test.each)
			at, ok := k.next(now, begin.Add(test.limit))
			if !ok {
				break
			}
			now = at
			got = append(got, at.Sub(begin))
			if n := len(vain); n >= maxKnocks && got[len(got)-1]-vain[n-maxKnocks] < knockSpan {
				t.Errorf("%s: the knock at %v is refused: in vain were %v", test.name, got[len(got)-1], vain)
			}
			if len(got) > 20 {
				t.Fatalf("%s: %v", test.name, got)
			}
		}
		if !equalAbout(got, test.want) {
			t.Errorf("%s: knocks again at %v, want %v", test.name, got, test.want)
		}
	}
}

func equalAbout(got, want []time.Duration) bool {
	if len(got) != len(want) {
		return false
	}
	for i := range got {
		if d := got[i] - want[i]; d > time.Millisecond || d < -time.Millisecond {
			return false
		}
	}
	return true
}
