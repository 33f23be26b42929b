package tandem

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"tandem/call"
	"tandem/capture"
	"tandem/evidence"
)

// maxCaptures bounds the captures at the same time.
const maxCaptures = 2

// capturing counts them; a token each.
type capturing chan struct{}

// take lets one more begin; false when there are enough.
func (c capturing) take() (release func(), ok bool) {
	select {
	case c <- struct{}{}:
		return func() { <-c }, true
	default:
		return nil, false
	}
}

// serveCapture writes what passes of a call to who has a ticket, while both go on.
func (g *Gateway) serveCapture(w http.ResponseWriter, r *http.Request) {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	switch {
	case err != nil || !from.Addr().Unmap().IsLoopback() || !isLocal(r.Host):
		http.Error(w, "captures are made on this machine only", http.StatusForbidden)
		return
	case !g.conf.Load().Capture:
		http.Error(w, "captures are off; set capture: true in the configuration and start the gateway again", http.StatusForbidden)
		return
	}
	secret, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	t, err := capture.Redeem(r.Context(), g.db, secret)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	if _, on := g.legsOf(t.Call); !on {
		http.Error(w, "there is no such call now", http.StatusNotFound)
		return
	}
	release, ok := g.captures.take()
	if !ok {
		http.Error(w, "other captures go on; end one of them", http.StatusTooManyRequests)
		return
	}
	defer release()
	ctx, cancel := context.WithTimeout(r.Context(), t.For)
	defer cancel()
	w.Header().Set("Content-Type", "application/x-pcapng")
	out := http.NewResponseController(w)
	_ = out.SetWriteDeadline(time.Now().Add(t.For + 30*time.Second)) // a recorder in a test has none
	_, _ = g.capture(ctx, t, w, capture.MaxSize, func() { _ = out.Flush() })
}

// capture writes what passes of a call until the call, ctx or the room is over, and
// returns how many packets were left out. That ctx ends it is no error.
func (g *Gateway) capture(ctx context.Context, t capture.Ticket, to io.Writer, most int64, flushed func()) (left uint64, err error) {
	c := &capture.Capture{By: "Tandem " + Version, Media: t.Media, Most: most}
	tapped := make(map[string]bool)
	defer func() {
		for leg := range tapped {
			g.Engine.Tap(leg, nil)
		}
	}()
	c.Messages = func() ([]evidence.Message, bool) {
		legs, on := g.legsOf(t.Call)
		for _, leg := range legs { // also those that came with a transfer
			tapped[leg] = true
			g.Engine.Tap(leg, c.Packet)
		}
		e, _ := g.proofs.recorder.Get(t.Call)
		return e.Ladder, on
	}
	g.log.Warn("capture of a call begins", "call", t.Call, "by", t.By, "media", t.Media, "for", t.For)
	if err = c.Run(ctx, to, flushed); errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	if err != nil {
		g.log.Warn("capture of a call broke off", "call", t.Call, "err", err)
	}
	g.log.Warn("capture of a call ends", "call", t.Call, "by", t.By, "left_out", c.Dropped())
	return c.Dropped(), err
}

// legsOf are the legs of a call, and whether it runs.
func (g *Gateway) legsOf(id string) (legs []string, on bool) {
	all := g.Switch.Running()
	i := slices.IndexFunc(all, func(c call.Running) bool { return c.ID == id })
	if i < 0 {
		return nil, false
	}
	return slices.DeleteFunc(append(strings.Split(all[i].B.ID, "+"), all[i].A.ID), func(id string) bool { return id == "" }), true
}
