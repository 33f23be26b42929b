package bridge

import (
	"testing"
	"time"
)

func TestAKeyThatComesTwoWaysIsOneKey(t *testing.T) {
	type press struct {
		at  time.Duration
		way keyWay
		key rune
	}
	const ms = time.Millisecond
	for _, test := range []struct {
		name    string
		presses []press
		want    string
	}{
		{"one way only", []press{{0, inMedia, '1'}, {100 * ms, inMedia, '1'}, {200 * ms, inMedia, '1'}}, "111"},
		{"INFO first", []press{{0, inSignal, '1'}, {150 * ms, inMedia, '1'}}, "1"},
		{"the event first", []press{{0, inMedia, '1'}, {50 * ms, inSignal, '1'}}, "1"},
		{"the same key twice, both ways", []press{{0, inSignal, '1'}, {150 * ms, inMedia, '1'}, {300 * ms, inSignal, '1'}, {450 * ms, inMedia, '1'}}, "11"},
		{"INFO far ahead", []press{{0, inSignal, '1'}, {100 * ms, inSignal, '1'}, {200 * ms, inSignal, '2'}, {400 * ms, inMedia, '1'}, {500 * ms, inMedia, '1'}, {600 * ms, inMedia, '2'}}, "112"},
		{"an INFO was sent again", []press{{0, inMedia, '5'}, {700 * ms, inSignal, '5'}}, "5"},
		{"another key", []press{{0, inSignal, '1'}, {100 * ms, inMedia, '2'}}, "12"},
		{"much later", []press{{0, inSignal, '1'}, {3 * time.Second, inMedia, '1'}}, "11"},
	} {
		var tw twice
		got := ""
		for _, p := range test.presses {
			if !tw.again(time.Unix(1000, 0).Add(p.at), p.way, p.key) {
				got += string(p.key)
			}
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}
