package tandem

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"tandem/api"
	"tandem/call"
	"tandem/capture"
)

const (
	// What captures that were asked for by the API may take of the disk.
	maxCaptureFile  = 64 << 20 // octets of one
	maxCaptureFiles = 4        // also of those that are over
	captureKept     = time.Hour
)

// captures are those that were asked for by the API: each writes a file that waits to
// be fetched for an hour.
type captures struct {
	g *Gateway

	mu   sync.Mutex // guards what follows
	all  []*recording
	over bool // no other one begins
	work sync.WaitGroup
}

// recording is one of them.
type recording struct {
	shown api.Capture // guarded by captures.mu
	file  *os.File    // has no name any more; closed by who takes it out
	stop  context.CancelFunc
}

var _ api.Captures = (*captures)(nil)

// Begin implements [api.Captures].
func (c *captures) Begin(o api.CaptureOrder) (api.Capture, error) {
	if _, on := c.g.legsOf(o.Call); !on {
		return api.Capture{}, call.ErrNoCall
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return api.Capture{}, api.ErrState
	}
	if slices.ContainsFunc(c.all, func(r *recording) bool { return r.shown.Call == o.Call && r.shown.State == "running" }) {
		return api.Capture{}, errTwice
	}
	if err := c.makeRoomLocked(); err != nil {
		return api.Capture{}, err
	}
	release, ok := c.g.captures.take()
	if !ok {
		return api.Capture{}, api.ErrBusy
	}
	f, err := nameless()
	if err != nil {
		release()
		return api.Capture{}, fmt.Errorf("a capture needs a file: %w", err)
	}
	now := time.Now().UTC()
	ctx, stop := context.WithTimeout(context.Background(), o.For)
	r := &recording{file: f, stop: stop, shown: api.Capture{
		ID: rand.Text()[:16], Call: o.Call, By: o.By, Began: now, Until: now.Add(o.For), State: "running", Media: o.Media,
	}}
	c.all = append(c.all, r)
	c.work.Go(func() {
		defer release()
		c.record(ctx, r, o)
	})
	return r.shown, nil
}

// nameless is a file that is gone with its last descriptor, whatever becomes of us.
func nameless() (*os.File, error) {
	f, err := os.CreateTemp("", "tandem-capture-*")
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}

// makeRoomLocked throws the oldest one away that is over, when there are too many.
func (c *captures) makeRoomLocked() error {
	if len(c.all) < maxCaptureFiles {
		return nil
	}
	i := slices.IndexFunc(c.all, func(r *recording) bool { return r.shown.State != "running" })
	if i < 0 {
		return api.ErrBusy
	}
	return c.dropLocked(i)
}

func (c *captures) dropLocked(i int) error {
	err := c.all[i].file.Close()
	c.all = slices.Delete(c.all, i, i+1)
	return err
}

// record writes until the call, the time or the room is over.
func (c *captures) record(ctx context.Context, r *recording, o api.CaptureOrder) {
	defer r.stop()
	t := capture.Ticket{Call: o.Call, Media: o.Media, For: o.For, By: o.By}
	left, err := c.g.capture(ctx, t, r.file, maxCaptureFile, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if i, err := r.file.Stat(); err == nil {
			r.shown.Octets = i.Size()
		}
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &r.shown
	s.State, s.Ended, s.Left = "over", time.Now().UTC(), left
	s.Gone = s.Ended.Add(captureKept)
	if err != nil {
		s.State, s.Error = "failed", err.Error()
	}
}

// List implements [api.Captures].
func (c *captures) List() []api.Capture {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []api.Capture
	for _, r := range slices.Backward(c.all) {
		all = append(all, r.shown)
	}
	return all
}

// find is the place of one; -1 when it is not there.
func (c *captures) findLocked(id string) int {
	return slices.IndexFunc(c.all, func(r *recording) bool { return r.shown.ID == id })
}

// Stop implements [api.Captures].
func (c *captures) Stop(id string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.findLocked(id)
	if i < 0 {
		return api.ErrNotFound
	}
	c.all[i].stop()
	return nil
}

var errTwice = fmt.Errorf("%w: this call is being recorded", api.ErrState)

var errRecording = fmt.Errorf("%w: it is being recorded; stop it first", api.ErrState)

// Remove implements [api.Captures].
func (c *captures) Remove(id string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.findLocked(id)
	switch {
	case i < 0:
		return api.ErrNotFound
	case c.all[i].shown.State == "running":
		return errRecording
	}
	return c.dropLocked(i)
}

// Open implements [api.Captures].
func (c *captures) Open(id string) (io.ReadCloser, api.Capture, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.findLocked(id)
	if i < 0 {
		return nil, api.Capture{}, api.ErrNotFound
	}
	r := c.all[i]
	if r.shown.State == "running" {
		return nil, api.Capture{}, errRecording
	}
	return io.NopCloser(io.NewSectionReader(r.file, 0, r.shown.Octets)), r.shown, nil
}

// run throws away what nobody has fetched in time, until ctx is done; then all.
func (c *captures) run(ctx context.Context) error {
	every := time.NewTicker(time.Minute)
	defer every.Stop()
	for ctx.Err() == nil {
		select {
		case now := <-every.C:
			c.expire(now)
		case <-ctx.Done():
		}
	}
	c.mu.Lock()
	c.over = true
	for _, r := range c.all {
		r.stop()
	}
	c.mu.Unlock()
	c.work.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for len(c.all) > 0 {
		errs = append(errs, c.dropLocked(0))
	}
	return errors.Join(errs...)
}

func (c *captures) expire(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := len(c.all) - 1; i >= 0; i-- {
		if s := c.all[i].shown; s.State != "running" && now.After(s.Gone) {
			_ = c.dropLocked(i)
		}
	}
}
