package video

import (
	"sync"
	"sync/atomic"
)

// poolFree is how many pictures of one pool wait for their next use at most.
const poolFree = 16

// A Pool reuses the memory of pictures that several holders share. A picture from
// Get has one holder; each Retain adds one and each Release takes one away. A pool
// keeps at most 16 free pictures and has nothing to close. The zero value is ready;
// it is safe for concurrent use.
type Pool struct {
	mu   sync.Mutex // guards free
	free []*Picture

	live atomic.Int64
}

// Get returns a picture with arbitrary contents. It panics like New.
func (p *Pool) Get(width, height int) *Picture {
	pic := p.take(width, height)
	if pic == nil {
		pic = New(width, height)
		pic.pool = p
	}
	atomic.StoreInt32(&pic.refs, 1)
	p.live.Add(1)
	return pic
}

// Live is how many pictures are held by somebody.
func (p *Pool) Live() int { return int(p.live.Load()) }

func (p *Pool) take(width, height int) *Picture {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.free) - 1; i >= 0; i-- {
		if pic := p.free[i]; pic.Width == width && pic.Height == height {
			last := len(p.free) - 1
			p.free[i], p.free[last] = p.free[last], nil
			p.free = p.free[:last]
			return pic
		}
	}
	return nil
}

// put keeps pic for later. When the pool is full the oldest goes: its size may not
// be in use any more.
func (p *Pool) put(pic *Picture) {
	p.live.Add(-1)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) >= poolFree {
		copy(p.free, p.free[1:])
		p.free[len(p.free)-1] = pic
		return
	}
	p.free = append(p.free, pic)
}

func (p *Picture) count(by int32) int32 { return atomic.AddInt32(&p.refs, by) }
