package meet

import (
	"cmp"
	"slices"
	"time"
)

// voice is how loud somebody is who makes sound now.
type voice struct {
	id    int     // of the member
	level float64 // dBov, smoothed; 0 is the loudest
}

const (
	audible   = -60.0 // dBov; below is silence
	loudnessJ = 3.0   // dB somebody must be louder to become the loudest
	loudDelay = 300 * time.Millisecond
	slotHold  = time.Second
)

// loudest keeps who speaks loudest, with hysteresis.
type loudest struct {
	id    int // 0: nobody
	rival int
	since time.Time
}

// step returns the id of the loudest voice.
func (l *loudest) step(now time.Time, voices []voice) int {
	var best voice
	current, heard := 0.0, false
	for _, v := range voices {
		if best.id == 0 || v.level > best.level {
			best = v
		}
		if v.id == l.id {
			current, heard = v.level, true
		}
	}
	switch {
	case best.id == 0 || best.id == l.id:
		l.rival = 0
		if best.id == 0 {
			l.id = 0
		}
	case !heard:
		l.id, l.rival = best.id, 0
	case best.level < current+loudnessJ:
		l.rival = 0
	case l.rival != best.id:
		l.rival, l.since = best.id, now
	case now.Sub(l.since) >= loudDelay:
		l.id, l.rival = best.id, 0
	}
	return l.id
}

// slot is one audio SSRC of a client: whose voice it carries.
type slot struct {
	id   int
	last time.Time // when it was heard
}

// assignSlots gives voices a slot each; sticky, and the loudest when there are more
// voices than slots (MEET-S8). Voices are those that make sound now.
func assignSlots(slots []slot, now time.Time, voices []voice) {
	sorted := slices.Clone(voices)
	slices.SortStableFunc(sorted, func(a, b voice) int { return cmp.Compare(b.level, a.level) })
	if len(sorted) > len(slots) {
		sorted = sorted[:len(slots)]
	}
	for i := range slots {
		if slices.ContainsFunc(sorted, func(v voice) bool { return v.id == slots[i].id }) {
			slots[i].last = now
		}
	}
	for _, v := range sorted {
		if slices.ContainsFunc(slots, func(s slot) bool { return s.id == v.id }) {
			continue
		}
		// The slot that has been silent longest, an empty one before all.
		oldest := 0
		for i := range slots {
			if slots[i].last.Before(slots[oldest].last) {
				oldest = i
			}
		}
		if now.Sub(slots[oldest].last) >= slotHold || !slices.ContainsFunc(sorted, func(v voice) bool { return v.id == slots[oldest].id }) {
			slots[oldest] = slot{v.id, now}
		}
	}
}

// picture is one thing that can be seen: somebody's camera or shared screen.
type pictureKey struct {
	id    int // of the member
	share bool
}

// assignCanvases says what each of n relevant canvases shows: the first of
// ranked, where who has a canvas keeps it (MEET-S9).
func assignCanvases(current []pictureKey, ranked []pictureKey) []pictureKey {
	n := len(current)
	chosen := ranked[:min(n, len(ranked))]
	out := make([]pictureKey, n)
	for i, key := range current {
		if slices.Contains(chosen, key) && !slices.Contains(out, key) {
			out[i] = key
		}
	}
	for _, key := range chosen {
		if slices.Contains(out, key) {
			continue
		}
		if i := slices.Index(out, pictureKey{}); i >= 0 {
			out[i] = key
		}
	}
	return out
}

// want is the layers one view could show, lowest first, and which of them fits.
type want struct {
	rates []int // bit/s of the layers
	layer int   // the one that fills the canvas; lowered by fit
}

// fit lowers layers from the last view to the first until the sum is within budget.
// The lowest layers stay: a view is never taken away.
func fit(budget int, wants []want) {
	sum := func() (n int) {
		for _, w := range wants {
			if w.layer < len(w.rates) {
				n += w.rates[w.layer]
			}
		}
		return n
	}
	for sum() > budget {
		lowered := false
		for i := len(wants) - 1; i >= 0; i-- {
			if wants[i].layer > 0 {
				wants[i].layer--
				lowered = true
				break
			}
		}
		if !lowered {
			return
		}
	}
}

// fillLayer is the smallest layer at least as large as a canvas, or the largest
// within limit (0: none).
func fillLayer(heights []int, canvas, limit int) int {
	best := 0
	for i, h := range heights {
		if limit > 0 && h > limit && i > 0 {
			break
		}
		best = i
		if h >= canvas {
			break
		}
	}
	return best
}

// pathEstimate is how much the client can take: what it says by REMB, and what
// transport-wide feedback shows.
type pathEstimate struct {
	remb int // bit/s; 0: none
	loss int // bit/s; 0: no limit known
}

const (
	lossTooHigh = 0.10
	lossFine    = 0.02
	noLimit     = 50_000_000 // bit/s
	leastPath   = 150_000
)

// feedback is one report: packets that came and that did not, while sent bit/s
// were under way.
func (p *pathEstimate) feedback(received, lost, sent int) {
	if received+lost < 10 {
		return
	}
	switch share := float64(lost) / float64(received+lost); {
	case share > lossTooHigh:
		p.loss = max(int(float64(sent)*(1-share/2)), leastPath)
	case share < lossFine && p.loss > 0:
		if p.loss += p.loss / 50; p.loss > noLimit {
			p.loss = 0
		}
	}
}

func (p *pathEstimate) budget() int {
	out := noLimit
	if p.remb > 0 {
		out = min(out, p.remb)
	}
	if p.loss > 0 {
		out = min(out, p.loss)
	}
	return out
}
