package media

import (
	"testing"
	"time"
)

func TestMOSFallsWithLossAndDelay(t *testing.T) {
	clean := Stats{PacketsIn: 1000}
	for _, c := range []struct {
		name     string
		stats    Stats
		codec    string
		min, max float64
	}{
		{"nothing came", Stats{}, "PCMU", 0, 0},
		{"a clean call", clean, "PCMU", 4.3, 4.45},
		{"a clean Opus call", clean, "OPUS", 4.3, 4.45},
		{"1 % loss", Stats{PacketsIn: 990, Lost: 10}, "PCMU", 4.1, 4.35},
		{"late packets are lost ones", Stats{PacketsIn: 1000, Late: 10}, "PCMU", 4.1, 4.35},
		{"10 % loss", Stats{PacketsIn: 900, Lost: 100}, "PCMU", 2.9, 3.6},
		{"half is lost", Stats{PacketsIn: 500, Lost: 500}, "PCMU", 1, 2},
		{"a satellite", Stats{PacketsIn: 1000, RoundTrip: 600 * time.Millisecond}, "PCMU", 3.0, 3.8},
		{"everything at its worst", Stats{PacketsIn: 1, Lost: 1000, RoundTrip: 10 * time.Second}, "PCMU", 1, 1},
		{"more late than came", Stats{PacketsIn: 1, Late: 5}, "PCMU", 1, 2},
	} {
		if got := c.stats.MOS(c.codec); got < c.min || got > c.max {
			t.Errorf("%s: got %.2f, want %.2f to %.2f", c.name, got, c.min, c.max)
		}
	}
}
