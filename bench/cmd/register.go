//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// registering is phones that register, each over and over: REGISTER, 401,
// REGISTER with a password, 200. SIPp cannot do it, because it stops at a
// challenge that offers SHA-256 beside MD5 (RFC 8760).
type registering struct {
	conn  *net.UDPConn
	to    netip.AddrPort
	run   int64 // makes Call-IDs new
	good  atomic.Int64
	other atomic.Int64 // answers that are neither 401 nor 200
}

// register sends rate registrations a second for the round's length and waits for
// their answers.
func register(ctx context.Context, s *settings, rate int, to string) (counted, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(fmt.Sprintf("%s:%d", callerHost, callerPort))))
	if err != nil {
		return counted{}, err
	}
	_ = conn.SetReadBuffer(4 << 20)
	r := &registering{conn: conn, to: netip.MustParseAddrPort(to), run: time.Now().UnixNano()}
	done := make(chan error, 1)
	go func() { done <- r.answer() }()
	count := int(float64(rate) * s.length.Seconds())
	err = errors.Join(r.send(ctx, rate, count), r.await(ctx, count), conn.Close(), <-done)
	v := counted{good: int(r.good.Load()), failed: int(r.other.Load())}
	if err == nil && v.good < count*99/100 {
		err = fmt.Errorf("%d of %d registered, %d were refused", v.good, count, v.failed)
	}
	return v, err
}

// send sends the first REGISTERs evenly.
func (r *registering) send(ctx context.Context, rate, count int) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for begin, i := time.Now(), 0; i < count; {
		for due := int(time.Since(begin).Seconds() * float64(rate)); i < min(due, count); i++ {
			if _, err := r.conn.WriteToUDPAddrPort(r.message(i, 1, ""), r.to); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

func (r *registering) await(ctx context.Context, count int) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end) && int(r.good.Load()) < count; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

// answer takes answers until the socket is closed.
func (r *registering) answer() error {
	b := make([]byte, 4096)
	for {
		n, _, err := r.conn.ReadFromUDPAddrPort(b)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		switch m := b[:n]; {
		case bytes.HasPrefix(m, []byte("SIP/2.0 200")):
			r.good.Add(1)
		case bytes.HasPrefix(m, []byte("SIP/2.0 401")):
			i, credentials := credentialsFor(string(m))
			if _, err := r.conn.WriteToUDPAddrPort(r.message(i, 2, credentials), r.to); err != nil {
				return err
			}
		case !bytes.HasPrefix(m, []byte("SIP/2.0 100")) && bytes.HasPrefix(m, []byte("SIP/2.0")):
			r.other.Add(1) // a request is a ping of the gateway's; phones may be silent
		}
	}
}

func (r *registering) message(i, cseq int, credentials string) []byte {
	name := phoneName(i % phones)
	return fmt.Appendf(nil, "REGISTER sip:%[1]s SIP/2.0\r\nVia: SIP/2.0/UDP %[2]s:%[3]d;branch=z9hG4bK%[4]d.%[5]d.%[7]d\r\n"+
		"From: <sip:%[6]s@%[1]s>;tag=%[5]d\r\nTo: <sip:%[6]s@%[1]s>\r\nCall-ID: %[5]d-%[4]d\r\nCSeq: %[7]d REGISTER\r\n"+
		"Contact: <sip:%[6]s@%[2]s:%[3]d>;expires=120\r\n%[8]sMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
		domain, callerHost, callerPort, r.run, i, name, cseq, credentials)
}

// credentialsFor answers a challenge: which phone, and its Authorization.
func credentialsFor(m string) (i int, authorization string) {
	for line := range strings.SplitSeq(m, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		switch strings.ToLower(name) {
		case "call-id":
			number, _, _ := strings.Cut(strings.TrimSpace(value), "-")
			i, _ = strconv.Atoi(number)
		case "www-authenticate":
			if strings.Contains(value, "SHA-256") {
				continue
			}
			authorization = digest(phoneName(i%phones), parameter(value, "nonce"), parameter(value, "opaque"), strings.Contains(value, "qop"))
		}
	}
	return i, authorization
}

// parameter is a quoted one of a challenge.
func parameter(challenge, name string) string {
	_, rest, _ := strings.Cut(challenge, name+`="`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

func digest(user, nonce, opaque string, qop bool) string {
	hash := func(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }
	a1, a2 := hash(user+":"+domain+":"+phonePassword), hash("REGISTER:sip:"+domain)
	response, more := hash(a1+":"+nonce+":"+a2), ""
	if qop {
		response, more = hash(a1+":"+nonce+":00000001:bench:auth:"+a2), `, qop=auth, nc=00000001, cnonce="bench"`
	}
	if opaque != "" {
		more += `, opaque="` + opaque + `"`
	}
	return fmt.Sprintf("Authorization: Digest username=%q, realm=%q, nonce=%q, uri=\"sip:%[2]s\", response=%[4]q, algorithm=MD5%[5]s\r\n",
		user, domain, nonce, response, more)
}
