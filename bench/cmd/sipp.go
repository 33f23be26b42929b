//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Everybody of the signalling figures has an address and a port of its own; the
// peers take turns on one port, because only one of them runs at a time.
const (
	oursAt, peerAt         = "127.0.0.1:15060", "127.0.0.1:15062"
	bareAt                 = "127.0.0.1:15064" // of bench/b2bua
	callerHost, callerPort = "127.0.0.2", 15070
	calledHost, calledPort = "127.0.0.3", 15080
)

// Without it SIPp takes 64 KiB, which a pause of 30 ms fills at 1,000 calls/s. The
// INVITE is then sent again, which its called side does not take for one it has
// answered: it gives up the call, and the caller hears of that after 32 s.
const sippBuffer = 4 << 20

// counted is what SIPp says of one round.
type counted struct{ good, failed, repeated int }

// startCalled starts the phones that are called; the callers' port is looked at, too.
func startCalled(ctx context.Context, s *settings) (*process, error) {
	caller, called := strconv.Itoa(callerPort), strconv.Itoa(calledPort)
	if err := errors.Join(vacant("SIPp, which calls,", net.JoinHostPort(callerHost, caller)), vacant("SIPp, which is called,", net.JoinHostPort(calledHost, called))); err != nil {
		return nil, err
	}
	return start(ctx, s.logs, "sipp", nil, "-sn", "uas", "-i", calledHost, "-p", called, "-nostdin",
		"-buff_size", strconv.Itoa(sippBuffer), "-trace_err", "-error_file", "/dev/null")
}

// sipp sends rate calls, or registrations, a second for the round's length and
// waits until all of them have ended.
func sipp(ctx context.Context, s *settings, rate int, args ...string) (counted, error) {
	stat := filepath.Join(s.build, "sipp.csv")
	defer os.Remove(stat)
	count := int(float64(rate) * s.length.Seconds())
	ctx, cancel := context.WithTimeout(ctx, s.length+30*time.Second)
	defer cancel()
	args = append([]string{
		"-i", callerHost, "-p", strconv.Itoa(callerPort), "-nostdin", "-r", strconv.Itoa(rate), "-m", strconv.Itoa(count),
		"-l", strconv.Itoa(2 * rate), "-buff_size", strconv.Itoa(sippBuffer), "-trace_stat", "-stf", stat, "-fd", "1", "-timeout", fmt.Sprint(int(s.length.Seconds()) + 20),
	}, args...)
	c := command(ctx, "sipp", args...)
	var out bytes.Buffer
	c.Stderr = &out
	ran := c.Run()
	v, err := readStat(stat)
	if err != nil {
		return v, errors.Join(err, ran, errors.New(out.String()))
	}
	if v.good < count*99/100 {
		return v, fmt.Errorf("%d of %d succeeded, %d failed: %s", v.good, count, v.failed, out.String())
	}
	return v, nil
}

// readStat reads the last line of SIPp's statistics.
func readStat(path string) (v counted, err error) {
	f, err := os.Open(path)
	if err != nil {
		return v, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.FieldsPerRecord = ';', -1
	rows, err := r.ReadAll()
	if err != nil || len(rows) < 2 {
		return v, fmt.Errorf("sipp left no statistics: %w", err)
	}
	last := rows[len(rows)-1]
	for i, name := range rows[0] {
		if i >= len(last) {
			break
		}
		n, _ := strconv.Atoi(last[i])
		switch name {
		case "SuccessfulCall(C)":
			v.good = n
		case "FailedCall(C)":
			v.failed = n
		case "Retransmissions(C)":
			v.repeated = n
		}
	}
	return v, nil
}
