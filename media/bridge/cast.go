package bridge

import (
	"time"

	"tandem/media/compose"
	"tandem/media/video"
)

// cast is a room's coded picture that other rooms of the meeting send as well, as they
// would draw the same. The room that makes it, the leader, offers it to Commons; the others
// are its followers.
type cast struct {
	key    castKey
	number uint64 // of two that are alike the earlier one is followed
	ask    func() // wants a keyframe; called from any goroutine

	// The following is guarded by Commons.mu.

	state     compose.State
	rate      int // bit/s
	strain    strain
	followers []*follower
	ended     bool
}

// castKey is what cannot differ between rooms that share a picture. The format's bit rate
// is not part of it.
type castKey struct {
	meeting string
	format  format
}

// follower takes the frames of a cast to another room.
type follower struct {
	cast *cast
	wake func()

	// The following is guarded by Commons.mu.

	queue   [castQueue]*castFrame
	count   int
	whole   bool // every frame since a keyframe is, or was, in the queue
	dropped uint64
}

// castQueue bounds the frames that wait for a follower, who takes them as they come: a
// quarter of a second. When it is full all are dropped, and a keyframe is asked for.
const castQueue = 8

// castFrame is a coded frame with as many holders as have to send it.
type castFrame struct {
	holders int // guarded by Commons.mu
	at      time.Time
	coded   video.Encoded // its data is the frame's own
}

// casts are those of all meetings. They are part of Commons.
type casts struct {
	number uint64
	all    map[castKey][]*cast
	spare  []*castFrame
}

const spareFrames = 16

// offer makes a cast known, a new one for own that is nil, or tells what own shows now. state
// is nil when that is what it was.
func (s *Commons) offer(own *cast, key castKey, ask func(), state *compose.State, rate int, level strain) *cast {
	s.mu.Lock()
	defer s.mu.Unlock()
	if own == nil {
		s.casts.number++
		own = &cast{key: key, number: s.casts.number, ask: ask}
		if s.casts.all == nil {
			s.casts.all = make(map[castKey][]*cast)
		}
		s.casts.all[key] = append(s.casts.all[key], own)
	}
	if state != nil {
		own.state = *state
	}
	own.rate, own.strain = rate, level
	return own
}

// end takes a cast back. Its followers find that out.
func (s *Commons) end(c *cast) {
	if s == nil || c == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.ended {
		return
	}
	c.ended = true
	list := s.casts.all[c.key]
	for i, o := range list {
		if o == c {
			list = append(list[:i], list[i+1:]...)
			break
		}
	}
	if s.casts.all[c.key] = list; len(list) == 0 {
		delete(s.casts.all, c.key)
	}
	for _, f := range c.followers {
		f.wake()
	}
	c.followers = nil
}

// suits says whether a room that may send so much would have its picture coded like this.
func (c *cast) suits(rate int) bool { return c.rate*9 <= rate*10 && rate*2 <= c.rate*3 }

// find returns the earliest cast that shows what a room would draw, but for that room's
// own; nil when there is none.
func (s *Commons) find(own *cast, key castKey, state *compose.State, rate int) *cast {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.casts.all[key] {
		if c == own {
			return nil // those behind it are later
		}
		if c.suits(rate) && c.state.Equal(state) {
			return c
		}
	}
	return nil
}

// follow has the frames of a cast queued from its next keyframe on; nil when it has ended.
func (s *Commons) follow(c *cast, wake func()) *follower {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.ended {
		return nil
	}
	f := &follower{cast: c, wake: wake}
	c.followers = append(c.followers, f)
	c.ask()
	return f
}

// unfollow ends that.
func (s *Commons) unfollow(f *follower) {
	if s == nil || f == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, o := range f.cast.followers {
		if o == f {
			f.cast.followers = append(f.cast.followers[:i], f.cast.followers[i+1:]...)
			break
		}
	}
	f.clearLocked(s)
}

func (f *follower) clearLocked(s *Commons) {
	for i := range f.count {
		s.freeLocked(f.queue[i])
		f.queue[i] = nil
	}
	f.count, f.whole = 0, false
}

// give passes a frame that was made on to the followers, who get one copy of it.
func (s *Commons) give(c *cast, now time.Time, coded video.Encoded) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(c.followers) == 0 {
		return
	}
	frame := s.frameLocked()
	data := append(frame.coded.Data[:0], coded.Data...)
	frame.at, frame.coded = now, coded
	frame.coded.Data = data
	for _, f := range c.followers {
		f.pushLocked(s, frame)
	}
	s.freeLocked(frame)
}

func (s *Commons) frameLocked() *castFrame {
	n := len(s.casts.spare)
	if n == 0 {
		return &castFrame{holders: 1}
	}
	f := s.casts.spare[n-1]
	s.casts.spare = s.casts.spare[:n-1]
	f.holders = 1
	return f
}

func (s *Commons) freeLocked(f *castFrame) {
	if f.holders--; f.holders == 0 && len(s.casts.spare) < spareFrames {
		s.casts.spare = append(s.casts.spare, f)
	}
}

func (f *follower) pushLocked(s *Commons, frame *castFrame) {
	if f.count == castQueue {
		f.dropped += castQueue
		f.clearLocked(s)
	}
	if f.whole = f.whole || frame.coded.Key; !f.whole {
		f.cast.ask() // not for every follower at once: the leader's gate sees to that
		return
	}
	frame.holders++
	f.queue[f.count] = frame
	f.count++
	f.wake()
}

// take returns the next frame, to be freed; nil when there is none.
func (s *Commons) take(f *follower) *castFrame {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.count == 0 {
		return nil
	}
	frame := f.queue[0]
	copy(f.queue[:], f.queue[1:f.count])
	f.count--
	f.queue[f.count] = nil
	return frame
}

func (s *Commons) free(f *castFrame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.freeLocked(f)
}

// view is how a cast stands to what a follower would draw.
type castView struct {
	ended, same bool
	own         bool // what differs is the follower's own, such as its layout
	strain      strain
}

// look compares a cast with what a follower would draw, and may send.
func (s *Commons) look(f *follower, state *compose.State, rate int) castView {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := f.cast
	v := castView{ended: c.ended, strain: c.strain}
	v.same = c.suits(rate) && c.state.Equal(state)
	v.own = c.rate*9 > rate*10 || c.state.Layout != state.Layout || c.state.Muted != state.Muted || c.state.Notice != state.Notice ||
		c.state.Presentation != state.Presentation || c.state.Screen.Kind != state.Screen.Kind
	return v
}
