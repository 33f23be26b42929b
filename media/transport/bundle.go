package transport

import (
	"slices"
	"time"
)

// ride makes the stream pass with the audio (BUNDLE, RFC 9143). ctl is held.
func (s *stream) ride() {
	base := s.session.audio
	if s.sink.base == base.sink { // written under ctl only
		return
	}
	s.shut()
	s.muxed.Store(true)
	base.in.mu.Lock()
	base.in.riders = append(base.in.riders, s)
	base.in.mu.Unlock()
	s.sink.mu.Lock()
	s.sink.base = base.sink
	s.sink.mu.Unlock()
	s.tick()
}

// unbundle gives the stream a path of its own again.
func (s *stream) unbundle() {
	if s.sink.base == nil {
		return
	}
	base := s.session.audio
	base.in.mu.Lock()
	base.in.riders = slices.DeleteFunc(slices.Clone(base.in.riders), func(r *stream) bool { return r == s })
	base.in.mu.Unlock()
	s.sink.mu.Lock()
	s.sink.base = nil
	s.sink.mu.Unlock()
}

// tick begins the stream's work of every second.
func (s *stream) tick() {
	s.stops = append(s.stops, s.worker.clock.Every(time.Second, s.everySecond))
}
