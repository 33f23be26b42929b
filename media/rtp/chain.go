package rtp

import "time"

// vp8Chain follows which frame refers to which, by the numbers in the descriptors: a
// lost frame of an upper temporal layer does no harm.
type vp8Chain struct {
	known   bool // a frame was given out, and its numbers tell
	gap     bool // frames may be missing since
	layered bool
	picture uint16
	long    bool
	base    uint8
}

// chainLink says how a frame stands to those before it.
type chainLink uint8

const (
	chainWhole    chainLink = iota // all it refers to is there
	chainBroken                    // something may be missing
	chainUnneeded                  // something is missing, and nothing refers to this frame
)

// mayMend says whether a loss may turn out to be harmless.
func (c *vp8Chain) mayMend(codec string) bool { return codec == "VP8" && c.known && c.layered }

// follow judges the next frame.
func (c *vp8Chain) follow(d *VP8Descriptor, key bool) chainLink {
	link := c.judge(d, key)
	if link != chainUnneeded {
		*c = vp8Chain{
			known: d.HasPicture, layered: d.HasPicture && d.HasBase && d.HasTemporal,
			picture: d.Picture, long: d.Long, base: d.Base,
		}
	}
	return link
}

func (c *vp8Chain) judge(d *VP8Descriptor, key bool) chainLink {
	switch {
	case key || !c.gap:
		return chainWhole
	case !c.known || !d.HasPicture:
		return chainBroken
	case d.Picture == c.successor():
		return chainWhole // what was lost was no frame
	case !c.layered || !d.HasBase || !d.HasTemporal:
		return chainBroken
	case d.Temporal == 0 && d.Base == c.base+1, d.Temporal > 0 && d.Base == c.base && d.Sync:
		return chainWhole
	case d.Temporal > 0 && d.Base == c.base:
		return chainUnneeded // its base is here, a frame of its own layer is not
	}
	return chainBroken
}

func (c *vp8Chain) successor() uint16 {
	if c.long {
		return (c.picture + 1) & 0x7fff
	}
	return (c.picture + 1) & 0x7f
}

// minKeyframe is the least time between two keyframes that are asked for.
const minKeyframe = 500 * time.Millisecond

// KeyframeGate limits how often a keyframe is asked for, or made because somebody
// asked. A request that comes too early is kept until its time. The zero value lets
// one pass every 500 ms.
type KeyframeGate struct {
	Every   time.Duration // 500 ms by default
	pending bool
	passed  time.Time
}

// Request notes that a keyframe is wanted.
func (g *KeyframeGate) Request(time.Time) { g.pending = true }

// Cancel forgets a request: a keyframe came by itself.
func (g *KeyframeGate) Cancel() { g.pending = false }

// Due says whether a request may pass now, and takes it.
func (g *KeyframeGate) Due(now time.Time) bool {
	every := g.Every
	if every == 0 {
		every = minKeyframe
	}
	if !g.pending || !g.passed.IsZero() && now.Sub(g.passed) < every {
		return false
	}
	g.pending, g.passed = false, now
	return true
}
