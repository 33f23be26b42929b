//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
)

// tandemRelay is our media plane in a process of its own (bench/relay).
type tandemRelay struct {
	*process
	in    io.WriteCloser
	out   *bufio.Scanner
	paths map[string]bool // what the bridges say of themselves
}

func startTandem(ctx context.Context, s *settings, k kind, first, last int) (*tandemRelay, error) {
	r := &tandemRelay{paths: map[string]bool{}}
	args := []string{fmt.Sprintf("-first=%d", first), fmt.Sprintf("-last=%d", last)}
	if k.protection != "plain" {
		args = append(args, "-sdes")
	}
	var err error
	r.process, err = start(ctx, s.logs, filepath.Join(s.build, "relay"), func(c *exec.Cmd) {
		c.Stdout = nil
		r.in, _ = c.StdinPipe()
		out, _ := c.StdoutPipe()
		r.out = bufio.NewScanner(out)
	}, args...)
	return r, err
}

// stop lets it end its calls, which writes its profile if it makes one.
func (r *tandemRelay) stop() {
	_ = r.in.Close()
	for r.out.Scan() {
	}
	r.process.stop()
}

func (r *tandemRelay) offer(call, sdp string) (string, error) {
	p, err := r.ask("offer", call, sdp)
	return p.SDP, err
}

func (r *tandemRelay) answer(call, sdp string) (string, error) {
	p, err := r.ask("answer", call, sdp)
	r.paths[p.Path] = true
	return p.SDP, err
}

// mallocs is how many objects it has allocated since it started.
func (r *tandemRelay) mallocs() (uint64, error) {
	p, err := r.ask("stats", "", "")
	return p.Mallocs, err
}

type relayReply struct {
	SDP, Path, Error string
	Mallocs          uint64
}

func (r *tandemRelay) ask(command, call, sdp string) (relayReply, error) {
	var p relayReply
	q := map[string]string{"command": command, "call": call, "sdp": sdp}
	if err := json.NewEncoder(r.in).Encode(q); err != nil {
		return p, err
	}
	if !r.out.Scan() {
		return p, errors.Join(errors.New("the relay ended, see its log"), r.out.Err())
	}
	if err := json.Unmarshal(r.out.Bytes(), &p); err != nil {
		return p, err
	}
	if p.Error != "" {
		return p, errors.New(p.Error)
	}
	return p, nil
}
