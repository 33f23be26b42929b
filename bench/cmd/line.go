//go:build linux

package main

import (
	"fmt"
	"math"
	"slices"
)

// line is a result: two medians of the same unit and what their ratio should be.
type line struct {
	id, what   string
	ours, peer float64
	unit       string
	name       string  // of the peer
	goal       float64 // the largest ratio; 0 is a comparison without a goal
	note       string
}

const header = "fig   what                                        ours          peer                            ratio  goal\n"

func (l line) String() string {
	ratio, goal, verdict := math.NaN(), "      -", ""
	if l.peer > 0 {
		ratio = l.ours / l.peer
	}
	if l.goal > 0 {
		goal, verdict = fmt.Sprintf("<= %.2f", l.goal), "  ok"
		if !(ratio <= l.goal) {
			verdict = "  MISSED"
		}
	}
	text := fmt.Sprintf("%-4s  %-42s  %8.2f %-4s %8.2f %-4s %-16s %6.2f  %s%s", l.id, l.what, l.ours, l.unit, l.peer, l.unit, l.name, ratio, goal, verdict)
	if l.note != "" {
		text += "  (" + l.note + ")"
	}
	return text
}

// median of what f gives for each sample; 0 for none.
func median[T any](samples []T, f func(T) float64) float64 {
	v := make([]float64, 0, len(samples))
	for _, s := range samples {
		v = append(v, f(s))
	}
	slices.Sort(v)
	switch n := len(v); {
	case n == 0:
		return 0
	case n%2 == 0:
		return (v[n/2-1] + v[n/2]) / 2
	default:
		return v[n/2]
	}
}
