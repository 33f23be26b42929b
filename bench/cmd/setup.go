//go:build linux

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// setupCost is P-11: connecting the media of a WebRTC call, one side, against OpenSSL's
// part in one DTLS handshake.
func setupCost(ctx context.Context, s *settings) ([]line, error) {
	var ours, floor []float64
	for range s.rounds {
		a, err := s.prints(ctx, "setup", "-calls", "200")
		if err != nil {
			return nil, err
		}
		b, err := s.prints(ctx, "floor-dtls", "300")
		if err != nil {
			return nil, err
		}
		ours, floor = append(ours, a), append(floor, b)
	}
	same := func(v float64) float64 { return v }
	return []line{{
		what: "ICE and DTLS of a call, CPU of one side", ours: median(ours, same), peer: median(floor, same), unit: "µs", name: "OpenSSL, DTLS", goal: 2.5,
		note: "ours with offer, answer, sockets and the end",
	}}, nil
}

// simulcastCost is P-10: relaying a browser's layers into a meeting, against a whole video
// call.
func simulcastCost(ctx context.Context, s *settings) ([]line, error) {
	var ours, calls []float64
	for range s.rounds {
		a, err := s.prints(ctx, "simulcast", "-pictures", "150")
		if err != nil {
			return nil, err
		}
		b, err := s.meetings(ctx, 1, 2*s.length)
		if err != nil {
			return nil, err
		}
		ours, calls = append(ours, a), append(calls, b.FrameCPU)
	}
	same := func(v float64) float64 { return v }
	return []line{{
		what: "simulcast relayed into a meeting, CPU per picture", ours: median(ours, same), peer: median(calls, same), unit: "ms", name: "P-6", goal: 0.05,
		note: "SRTP in, the bridge, SRTP out",
	}}, nil
}

// prints runs a program that prints one number.
func (s *settings) prints(ctx context.Context, program string, args ...string) (float64, error) {
	out, err := command(ctx, filepath.Join(s.build, program), args...).Output()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", program, err)
	}
	return strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
}
