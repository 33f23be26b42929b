package meet

import (
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"

	"tandem/sim/vp8"
)

var epoch = time.Date(2026, 11, 21, 15, 0, 0, 0, time.UTC)

func ms(n int) time.Time { return epoch.Add(time.Duration(n) * time.Millisecond) }

func TestTheLoudestChangesWithHysteresis(t *testing.T) {
	var l loudest
	for _, row := range []struct {
		name   string
		at     int
		voices []voice
		want   int
	}{
		{"silence", 0, nil, 0},
		{"the first voice at once", 10, []voice{{1, -30}}, 1},
		{"a slightly louder one does not count", 20, []voice{{1, -30}, {2, -28}}, 1},
		{"a much louder one has to last", 30, []voice{{1, -30}, {2, -20}}, 1},
		{"not yet", 200, []voice{{1, -30}, {2, -20}}, 1},
		{"now", 340, []voice{{1, -30}, {2, -20}}, 2},
		{"a short burst of the first", 400, []voice{{1, -10}, {2, -20}}, 2},
		{"is over", 500, []voice{{1, -40}, {2, -20}}, 2},
		{"the loudest falls silent", 600, []voice{{1, -40}}, 1},
		{"silence again", 700, nil, 0},
	} {
		if got := l.step(ms(row.at), row.voices); got != row.want {
			t.Errorf("%s: %d, want %d", row.name, got, row.want)
		}
	}
}

func TestVoicesKeepTheirSlots(t *testing.T) {
	slots := make([]slot, 2)
	for _, row := range []struct {
		name   string
		at     int
		voices []voice
		want   [2]int
	}{
		{"first", 0, []voice{{1, -30}}, [2]int{1, 0}},
		{"second", 20, []voice{{1, -30}, {2, -20}}, [2]int{1, 2}},
		{"a third that is quieter", 40, []voice{{1, -30}, {2, -20}, {3, -40}}, [2]int{1, 2}},
		{"a third that is louder", 60, []voice{{1, -30}, {2, -20}, {3, -10}}, [2]int{3, 2}},
		{"silence", 80, nil, [2]int{3, 2}},
		{"who comes back has its slot", 100, []voice{{2, -20}}, [2]int{3, 2}},
		{"a new one takes the one silent longest", 120, []voice{{1, -30}, {2, -20}}, [2]int{1, 2}},
	} {
		assignSlots(slots, ms(row.at), row.voices)
		if got := [2]int{slots[0].id, slots[1].id}; got != row.want {
			t.Errorf("%s: %v, want %v", row.name, got, row.want)
		}
	}
}

func TestPicturesKeepTheirCanvases(t *testing.T) {
	k := func(ids ...int) []pictureKey {
		out := make([]pictureKey, len(ids))
		for i, id := range ids {
			out[i] = pictureKey{id: id}
		}
		return out
	}
	for _, row := range []struct {
		name                  string
		current, ranked, want []pictureKey
	}{
		{"empty", k(0, 0), k(), k(0, 0)},
		{"fill in order", k(0, 0, 0), k(5, 6), k(5, 6, 0)},
		{"who is shown stays", k(5, 6), k(6, 5), k(5, 6)},
		{"the last makes room", k(5, 6), k(7, 5), k(5, 7)},
		{"who left makes room", k(5, 6), k(6, 7), k(7, 6)},
		{"nobody twice", k(5, 5), k(5, 6), k(5, 6)},
		{"a screen is not the camera", []pictureKey{{5, true}}, k(5), k(5)},
	} {
		if got := assignCanvases(row.current, row.ranked); !reflect.DeepEqual(got, row.want) {
			t.Errorf("%s: %v, want %v", row.name, got, row.want)
		}
	}
}

func TestLayersFillTheCanvasAndTheBudget(t *testing.T) {
	heights := []int{180, 360, 720}
	for _, row := range []struct{ canvas, limit, want int }{
		{90, 0, 0}, {180, 0, 0}, {181, 0, 1}, {720, 0, 2}, {2000, 0, 2}, {720, 360, 1}, {720, 100, 0},
	} {
		if got := fillLayer(heights, row.canvas, row.limit); got != row.want {
			t.Errorf("%+v: %d", row, got)
		}
	}
	rates := []int{150, 500, 1500}
	for _, row := range []struct {
		budget int
		want   []int
	}{{4000, []int{2, 2, 0}}, {2500, []int{2, 1, 0}}, {1800, []int{2, 0, 0}}, {900, []int{1, 0, 0}}, {100, []int{0, 0, 0}}} {
		wants := []want{{rates, 2}, {rates, 2}, {rates, 0}}
		fit(row.budget, wants)
		if got := []int{wants[0].layer, wants[1].layer, wants[2].layer}; !reflect.DeepEqual(got, row.want) {
			t.Errorf("budget %d: %v, want %v", row.budget, got, row.want)
		}
	}
}

func TestThePathIsEstimatedFromLossAndREMB(t *testing.T) {
	var p pathEstimate
	if p.budget() != noLimit {
		t.Error("a fresh path has a limit")
	}
	p.feedback(80, 20, 2_000_000)
	if b := p.budget(); b != 1_800_000 {
		t.Errorf("after 20%% loss %d", b)
	}
	p.remb = 1_000_000
	if p.budget() != 1_000_000 {
		t.Errorf("with REMB %d", p.budget())
	}
	p.remb = 0
	for range 500 {
		p.feedback(100, 0, 2_000_000)
	}
	if p.budget() != noLimit {
		t.Errorf("after a long time without loss %d", p.budget())
	}
}

func TestScriptsComeDueInOrderAndRepeat(t *testing.T) {
	s := newScript(Person{Repeat: 10 * time.Second, Steps: []Step{{At: 3 * time.Second, Do: Mute}, {At: time.Second, Do: Talk, For: time.Second}}})
	got := func(sec float64) (out []Action) {
		for _, step := range s.due(time.Duration(sec * float64(time.Second))) {
			out = append(out, step.Do)
		}
		return out
	}
	for _, row := range []struct {
		at   float64
		want []Action
	}{{0.5, nil}, {1, []Action{Talk}}, {2.5, []Action{Hush}}, {9, []Action{Mute}}, {12, []Action{Talk, Hush}}, {24, []Action{Mute, Talk, Hush, Mute}}} {
		if g := got(row.at); !reflect.DeepEqual(g, row.want) {
			t.Errorf("at %v s: %v, want %v", row.at, g, row.want)
		}
	}
}

func packets(first uint16, frames ...[]byte) (out []*rtp.Packet) {
	seq := first
	for n, f := range frames {
		parts := vp8.Split(f, vp8.Descriptor{PictureID: n, TID: -1, TL0PicIdx: -1}, 40)
		for i, p := range parts {
			out = append(out, &rtp.Packet{Header: rtp.Header{SequenceNumber: seq, Timestamp: uint32(n * 3000), Marker: i == len(parts)-1}, Payload: p})
			seq++
		}
	}
	return out
}

func keyFrame(n int) []byte {
	return append([]byte{0x10, 0, 0, 0x9d, 0x01, 0x2a, 64, 0, 64, 0}, make([]byte, n)...)
}

func deltaFrame(n int) []byte { return append([]byte{0x11, 0, 0}, make([]byte, n)...) }

func TestFramesArePutTogether(t *testing.T) {
	in := packets(65533, keyFrame(100), deltaFrame(50), deltaFrame(10))
	for name, order := range map[string][]int{
		"in order":            {0, 1, 2, 3, 4, 5, 6},
		"swapped":             {0, 2, 1, 3, 5, 4, 6},
		"twice":               {0, 0, 1, 1, 2, 2, 3, 4, 5, 5, 0, 6},
		"a late one repaired": {0, 1, 2, 4, 5, 6, 3},
	} {
		var a assembler
		var sizes []int
		for _, i := range order {
			frames, lost := a.push(in[i], ms(i))
			if lost {
				t.Errorf("%s: lost", name)
			}
			for _, f := range frames {
				sizes = append(sizes, len(f.data))
			}
		}
		if len(in) != 7 || !reflect.DeepEqual(sizes, []int{110, 53, 13}) {
			t.Errorf("%s: %d packets, %v", name, len(in), sizes)
		}
	}
}

func TestMissingPacketsAreAskedForAndGivenUp(t *testing.T) {
	in := packets(1, keyFrame(10), deltaFrame(10), deltaFrame(10), keyFrame(10))
	var a assembler
	a.push(in[0], ms(0))
	if _, lost := a.push(in[2], ms(10)); lost {
		t.Error("given up at once")
	}
	for _, row := range []struct{ at, want int }{{10, 1}, {20, 0}, {75, 1}, {140, 1}} {
		if got := a.nacks(ms(row.at)); len(got) != row.want || row.want > 0 && got[0] != 2 {
			t.Errorf("at %d ms: %v", row.at, got)
		}
	}
	if _, lost := a.push(in[2], ms(500)); !lost {
		t.Error("not given up")
	}
	if frames, lost := a.push(in[2], ms(510)); len(frames) > 0 || !lost {
		t.Error("a delta frame was taken after a loss")
	}
	if frames, _ := a.push(in[3], ms(520)); len(frames) != 1 || !frames[0].key {
		t.Error("the keyframe was not taken")
	}
}

func FuzzAssembler(f *testing.F) {
	f.Add([]byte{0, 0, 1, 0x90, 0x80, 0x80, 1, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 64, 0, 64, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var a assembler
		for now := 0; len(b) > 3; now += 10 {
			n := min(int(b[2]%32)+1, len(b)-3)
			p := &rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(b[0]) | uint16(b[1]&1)<<15, Marker: b[1]&2 != 0}, Payload: b[3 : 3+n]}
			a.push(p, ms(now))
			a.nacks(ms(now))
			if len(a.missing) > maxMissing {
				t.Fatalf("%d missing", len(a.missing))
			}
			b = b[3+n:]
		}
	})
}

func TestTheNetworksFaultsInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newDelayLine(7)
		go l.run(t.Context())
		start := time.Now()
		var arrived []time.Duration
		deliver := func() { arrived = append(arrived, time.Since(start)) }
		var w way
		l.pass(impairment{}, &w, 100, deliver)
		l.pass(impairment{delay: 30 * time.Millisecond}, &w, 100, deliver)
		l.pass(impairment{delay: 10 * time.Millisecond}, &w, 100, deliver)
		l.pass(impairment{reorder: 100}, &w, 100, deliver)
		l.pass(impairment{blocked: true}, &w, 100, deliver)
		l.pass(impairment{loss: 100}, &w, 100, deliver)
		var narrow way
		for range 100 { // 100 packets of 10 ms on the wire; half a second is queued
			l.pass(impairment{rate: 80_000}, &narrow, 100, deliver)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		want := []time.Duration{0, 10, 10, 20, 30, 30, 40, 40}
		for i, d := range want {
			if i < len(arrived) && arrived[i] != d*time.Millisecond {
				t.Errorf("packet %d came after %v, want %v ms", i, arrived[i], d)
			}
		}
		if len(arrived) != 4+51 || w.lost != 2 || narrow.lost != 49 {
			t.Errorf("%d arrived, %d and %d lost", len(arrived), w.lost, narrow.lost)
		}
	})
}

func TestReceptionReports(t *testing.T) {
	var r rtcpStats
	for i, seq := range []uint16{65534, 65535, 0, 2, 3, 1, 5} {
		r.received(&rtp.Packet{Header: rtp.Header{SequenceNumber: seq, Timestamp: uint32(i * 900)}}, ms(i*10), 90000)
	}
	got := r.report(1, ms(100))
	if r.expected() != 8 || r.lost() != 1 || got.FractionLost != 32 || got.TotalLost != 1 || got.LastSequenceNumber != 1<<16|5 {
		t.Errorf("%d expected, %d lost, %+v", r.expected(), r.lost(), got)
	}
}
