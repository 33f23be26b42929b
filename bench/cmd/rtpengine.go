//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"time"
)

// rtpengine is the peer of the media plane, driven by its ng protocol: bencoded
// dictionaries over UDP, behind a cookie.
type rtpengine struct {
	*process
	kind   kind
	conn   net.Conn
	cookie int
}

// startRTPEngine starts it in user space (no kernel module), with a thread for
// each CPU, as the gateway has.
func startRTPEngine(ctx context.Context, s *settings, k kind, threads, first, last, control int) (*rtpengine, error) {
	at := net.JoinHostPort("127.0.0.1", strconv.Itoa(control))
	if err := vacant("rtpengine", at); err != nil {
		return nil, err
	}
	p, err := start(ctx, s.logs, "rtpengine", nil, "--config-file=none", "--foreground", "--log-stderr", "--log-level=3",
		"--table=-1", "--interface=127.0.0.1", "--listen-ng="+at, fmt.Sprintf("--num-threads=%d", threads),
		fmt.Sprintf("--port-min=%d", first), fmt.Sprintf("--port-max=%d", last), "--timeout=3600", "--silent-timeout=3600")
	if err != nil {
		return nil, err
	}
	r := &rtpengine{process: p, kind: k}
	if r.conn, err = net.Dial("udp", at); err != nil {
		r.stop()
		return nil, err
	}
	if err := r.ready(ctx); err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

// ready pings until it answers.
func (r *rtpengine) ready(ctx context.Context) error {
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(10 * time.Second); ; {
		_, err := r.command(map[string]any{"command": "ping"})
		if err == nil {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("rtpengine does not answer, see its log: %w", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-again.C:
		}
	}
}

func (r *rtpengine) stop() {
	if r.conn != nil {
		_ = r.conn.Close()
	}
	r.process.stop()
}

func (r *rtpengine) offer(call, sdp string) (string, error) {
	q := r.request("offer", call, sdp)
	q["transport-protocol"] = "RTP/AVP"
	if r.kind.protection != "plain" {
		q["transport-protocol"] = "RTP/SAVP"
	}
	if r.kind.opus {
		q["codec"] = map[string]any{"mask": []any{"PCMU"}, "transcode": []any{"opus/48000/2"}}
	}
	return r.describe(q)
}

func (r *rtpengine) answer(call, sdp string) (string, error) {
	q := r.request("answer", call, sdp)
	q["to-tag"] = "b"
	q["transport-protocol"] = "RTP/AVP"
	return r.describe(q)
}

func (r *rtpengine) request(command, call, sdp string) map[string]any {
	return map[string]any{
		"command": command, "call-id": call, "from-tag": "a", "sdp": sdp, "ICE": "remove", "DTLS": "off",
		"replace": []any{"origin", "session-connection"}, "rtcp-mux": []any{"demux"}, "flags": []any{"trust-address"},
	}
}

func (r *rtpengine) describe(q map[string]any) (string, error) {
	answer, err := r.command(q)
	if err != nil {
		return "", err
	}
	if answer["result"] != "ok" {
		return "", fmt.Errorf("rtpengine: %v", answer["error-reason"])
	}
	sdp, _ := answer["sdp"].(string)
	return sdp, nil
}

func (r *rtpengine) command(q map[string]any) (map[string]any, error) {
	r.cookie++
	cookie := fmt.Appendf(nil, "%d_%d ", os.Getpid(), r.cookie)
	if err := r.conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return nil, err
	}
	if _, err := r.conn.Write(appendBencode(slices.Clone(cookie), q)); err != nil {
		return nil, err
	}
	b := make([]byte, 65536)
	for {
		n, err := r.conn.Read(b)
		if err != nil {
			return nil, err
		}
		body, ok := bytes.CutPrefix(b[:n], cookie)
		if !ok {
			continue // an answer nobody waits for any more
		}
		v, _, err := readBencode(body, 0)
		if err != nil {
			return nil, err
		}
		if m, ok := v.(map[string]any); ok {
			return m, nil
		}
		return nil, errBencode
	}
}

// appendBencode writes strings, lists and dictionaries.
func appendBencode(b []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return fmt.Appendf(b, "%d:%s", len(v), v)
	case []any:
		b = append(b, 'l')
		for _, e := range v {
			b = appendBencode(b, e)
		}
		return append(b, 'e')
	case map[string]any:
		b = append(b, 'd')
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			b = appendBencode(appendBencode(b, k), v[k])
		}
		return append(b, 'e')
	}
	panic(fmt.Sprintf("bencode: no way to write a %T", v))
}

var errBencode = errors.New("rtpengine answered something that is not bencoded")

// readBencode reads one value and returns what follows it.
func readBencode(b []byte, depth int) (any, []byte, error) {
	if len(b) == 0 || depth > 16 {
		return nil, nil, errBencode
	}
	switch b[0] {
	case 'i':
		text, rest, ok := bytes.Cut(b[1:], []byte("e"))
		n, err := strconv.Atoi(string(text))
		if !ok || err != nil {
			return nil, nil, errBencode
		}
		return n, rest, nil
	case 'l', 'd':
		return readBencodeList(b, depth)
	}
	text, rest, ok := bytes.Cut(b, []byte(":"))
	n, err := strconv.Atoi(string(text))
	if !ok || err != nil || n < 0 || n > len(rest) {
		return nil, nil, errBencode
	}
	return string(rest[:n]), rest[n:], nil
}

func readBencodeList(b []byte, depth int) (any, []byte, error) {
	var list []any
	rest := b[1:]
	for len(rest) > 0 && rest[0] != 'e' {
		v, after, err := readBencode(rest, depth+1)
		if err != nil {
			return nil, nil, err
		}
		list, rest = append(list, v), after
	}
	if len(rest) == 0 {
		return nil, nil, errBencode
	}
	if b[0] == 'l' {
		return list, rest[1:], nil
	}
	m := map[string]any{}
	for i := 0; i+1 < len(list); i += 2 {
		if k, ok := list[i].(string); ok {
			m[k] = list[i+1]
		}
	}
	return m, rest[1:], nil
}
