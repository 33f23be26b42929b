// Package capture writes what passes of one call into a file that packet
// analysers read: its SIP messages without their secrets, and its RTP packets
// without what was said. Start reading at [Capture.Run].
package capture

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tandem/evidence"
	"tandem/media/transport"
)

const (
	// MaxTime and MaxSize bound a capture.
	MaxTime     = 10 * time.Minute
	MaxSize     = 256 << 20 // octets of the file
	DefaultTime = time.Minute

	maxWaiting = 8192                   // packets that wait to be written; more are counted
	look       = 200 * time.Millisecond // between two looks for what is new
	settle     = time.Second            // what comes within it is put into the order of time
)

// A Capture is one call's, while it is written. Packets comes from where media moves.
type Capture struct {
	By       string                                   // the program, for the file
	Media    bool                                     // what was said, too
	Most     int64                                    // octets of the file; 0 is MaxSize
	Messages func() (all []evidence.Message, on bool) // the call's so far, and whether it goes on

	mu      sync.Mutex // guards waiting
	waiting []frame
	dropped atomic.Uint64

	seen  map[string]bool // messages that were taken
	hosts map[netip.Addr]netip.Addr
}

// Packet takes one packet; it does not block. Without Media only its header is kept:
// what follows is what was said, or keys that were pressed.
func (c *Capture) Packet(t transport.Tapped) {
	keep := len(t.Data)
	if !c.Media {
		keep = min(keep, t.Head)
	}
	f := frame{at: t.At, out: t.Out, from: t.Remote, to: t.Local, payload: slices.Clone(t.Data[:keep]), size: len(t.Data)}
	if t.Out {
		f.from, f.to = f.to, f.from
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) >= maxWaiting {
		c.dropped.Add(1)
		return
	}
	c.waiting = append(c.waiting, f)
}

// Dropped returns how many packets were left out because the writer was slow.
func (c *Capture) Dropped() uint64 { return c.dropped.Load() }

// Run writes until ctx is done, the call is over or the file is full. Every write
// leaves a whole file behind.
func (c *Capture) Run(ctx context.Context, to io.Writer, flushed func()) error {
	w := newWriter(to, c.By)
	w.most = cmp.Or(c.Most, MaxSize)
	t := time.NewTicker(look)
	defer t.Stop()
	var held []frame
	for going := true; going; {
		now := time.Now()
		select {
		case <-ctx.Done():
			going = false
		case now = <-t.C:
		}
		all, on := c.Messages()
		held = append(held, c.fresh(all)...)
		c.mu.Lock()
		held = append(held, c.waiting...)
		c.waiting = nil
		c.mu.Unlock()
		slices.SortStableFunc(held, func(a, b frame) int { return a.at.Compare(b.at) })
		going = going && on && w.n < w.most
		held = write(w, held, now.Add(-settle), !going)
		if err := w.flush(); err != nil {
			return err
		}
		flushed()
	}
	return context.Cause(ctx)
}

// write writes what is older than a time, or all, and returns the rest.
func write(w *writer, held []frame, before time.Time, all bool) []frame {
	n := 0
	for n < len(held) && w.n < w.most && (all || held[n].at.Before(before)) {
		w.packet(held[n])
		n++
	}
	return slices.Delete(held, 0, n)
}

// fresh are the messages that were not taken yet.
func (c *Capture) fresh(all []evidence.Message) (frames []frame) {
	if c.seen == nil {
		c.seen, c.hosts = make(map[string]bool), make(map[netip.Addr]netip.Addr)
	}
	for _, m := range all {
		key := m.At.String() + m.Leg + m.Summary
		peer, err := netip.ParseAddrPort(m.Peer)
		if c.seen[key] || err != nil || m.Other {
			continue
		}
		c.seen[key] = true
		text := wire(m.Text)
		ours := netip.AddrPortFrom(c.host(peer.Addr()), cmp.Or(m.Local.Port(), 5060))
		if m.Local.IsValid() && !m.Local.Addr().IsUnspecified() {
			ours = m.Local
		}
		f := frame{at: m.At, out: m.Direction == "out", from: peer, to: ours, payload: text, size: len(text), comment: "SIP by " + m.Network + ", shown as UDP; secrets are taken out"}
		if f.out {
			f.from, f.to = ours, peer
		}
		frames = append(frames, f)
	}
	return frames
}

var (
	mediaKey      = regexp.MustCompile(`(inline|a=ice-pwd): \[redacted\]`)
	contentLength = regexp.MustCompile(`(?im)^((?:content-length|l)[ \t]*:[ \t]*)\d+`)
)

// wire brings a message for people back into the form of the wire. Where keys were, it
// has what readers take for one; and its length is that of the body as it is now.
func wire(text string) []byte {
	head, body, found := strings.Cut(text, "\n\n")
	if !found {
		return []byte(strings.ReplaceAll(text, "\n", "\r\n"))
	}
	body = mediaKey.ReplaceAllString(body, "$1:"+strings.Repeat("REDACTED", 5))
	body = strings.ReplaceAll(body, "\n", "\r\n")
	head = contentLength.ReplaceAllString(head, "${1}"+strconv.Itoa(len(body)))
	return []byte(strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + body)
}

// host is our address toward a far end. Nothing is sent to find it out.
func (c *Capture) host(peer netip.Addr) netip.Addr {
	if a, ok := c.hosts[peer]; ok {
		return a
	}
	a := netip.IPv6Unspecified()
	if peer.Unmap().Is4() {
		a = netip.IPv4Unspecified()
	}
	if conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(peer, 9))); err == nil {
		a = conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
		_ = conn.Close()
	}
	c.hosts[peer] = a
	return a
}

// ErrTicket means that who asks for a capture has not shown that it may.
var ErrTicket = errors.New("the ticket is unknown, was used already, or is too old")
