package rtp

import "time"

// Pop returns the next frame of the stream, for the moment now.
func (j *Jitter) Pop(now time.Time) Frame {
	if j.lent != nil {
		j.spare = append(j.spare, j.lent)
		j.lent = nil
	}
	if j.origin.IsZero() {
		return j.pause(Idle)
	}
	at := j.units(now.Sub(j.origin))
	j.shed()
	head := j.head()
	switch {
	case head == nil && (!j.playing || j.event):
		return j.pause(Silence)
	case head == nil:
		return j.starve()
	case j.quiet:
		return j.resume(at, head)
	}
	gap := head.timestamp - j.position
	missing := head.sequence > j.next && !j.event
	switch {
	case missing && gap > j.waited:
		return j.conceal(head)
	case !missing && gap > j.waited+j.packet/2: // the far end paused, or sent a digit
		return j.resume(at, head)
	}
	return j.play(at, head)
}

// head is the oldest packet. Events that are due are passed: they have no sound.
func (j *Jitter) head() *slot {
	if j.held == 0 {
		return nil
	}
	from := j.next
	if !j.playing {
		from = j.highest - jitterSlots + 1
	}
	for n := from; n <= j.highest; n++ {
		s := &j.slots[n&(jitterSlots-1)]
		if !s.full || s.sequence != n {
			continue
		}
		if !s.event {
			return s
		}
		if j.playing && n == j.next { // otherwise a packet before it may still come
			j.event = true
			j.advance(n + 1)
		}
	}
	return nil
}

// advance makes sequence the next that is due and gives up what is before it.
func (j *Jitter) advance(sequence int64) {
	if j.playing {
		for n := max(j.next, sequence-jitterSlots); n < sequence; n++ {
			if s := &j.slots[n&(jitterSlots-1)]; s.full && s.sequence == n {
				j.release(s)
			}
		}
	}
	j.next = sequence
}

// shed gives up the oldest packets when more is buffered than the delay may be:
// a network that stalled has delivered all at once.
func (j *Jitter) shed() {
	limit := j.units(j.config.Max) + j.packet
	for j.held > 1 {
		head := j.head()
		if head == nil || j.newest-head.timestamp <= limit {
			return
		}
		limit = j.target() // when at it, down to what is wanted
		j.give(head)
		if after := j.head(); after != nil {
			j.advance(after.sequence)
			j.position = after.timestamp
		}
		j.waited = 0
	}
}

// pause is a frame of nothing, short enough to notice soon when the stream goes on.
func (j *Jitter) pause(k FrameKind) Frame {
	return Frame{Kind: k, Duration: min(j.duration(j.packet), 20*time.Millisecond)}
}

// starve conceals while the buffer is empty. The timeline stands still: when the
// packet comes after all it is played, and the delay has grown by the wait.
func (j *Jitter) starve() Frame {
	if j.quiet {
		return j.pause(Silence)
	}
	j.waited += j.packet
	if j.duration(j.waited) >= jitterPause {
		j.quiet = true
	}
	j.stats.Waited++
	return Frame{Kind: Lost, Duration: j.duration(j.packet)}
}

// resume starts a stream, or goes on after a pause, when its first packet has
// waited for the target delay.
func (j *Jitter) resume(at int64, head *slot) Frame {
	if j.delay(at, head) < j.target() && j.newest-head.timestamp < j.units(j.config.Max) {
		j.quiet = true
		return j.pause(Silence)
	}
	return j.play(at, head)
}

// conceal stands in for a packet that is due and not there.
func (j *Jitter) conceal(head *slot) Frame {
	j.position += j.waited // was concealed while the buffer was empty
	j.waited = 0
	d := min(head.timestamp-j.position, j.packet)
	j.position += d
	j.advance(min(j.next+1, head.sequence))
	j.stats.Lost++
	f := Frame{Kind: Lost, Duration: j.duration(d)}
	if j.position >= head.timestamp {
		j.advance(head.sequence)
		f.Next = head.payload
	}
	return f
}

// play takes the head out of the buffer.
func (j *Jitter) play(at int64, head *slot) Frame {
	if j.playing && j.waited > 0 && head.sequence > j.next {
		j.stats.Lost++ // it was concealed while waiting, and did not come
	}
	delay := j.delay(at, head)
	f := Frame{
		Kind: Voice, PayloadType: head.payloadType, Marker: head.marker, Timestamp: head.stamp,
		Payload: head.payload, Duration: j.duration(j.packet),
	}
	j.lent, head.payload = head.payload, nil
	j.quiet = f.PayloadType == comfortNoise || len(f.Payload) <= 2
	j.pass(head)
	j.playing, j.waited, j.event = true, 0, false
	j.stats.Played++
	j.stats.Delay = j.duration(delay)
	f.Adjust = j.level.adjust(delay, j.target(), j.clock/1000, j.held > 0)
	if j.level.ignored >= ignoredWindows && j.held > 1 {
		j.drop()
	}
	return f
}

// drop gives up the packet that is due next, because the wish to play faster is
// not fulfilled and the delay stays.
func (j *Jitter) drop() {
	j.level.ignored = 0
	if head := j.head(); head != nil && head.sequence == j.next && !j.quiet {
		j.give(head)
	}
}

// give drops a packet, and pass moves the timeline behind one.
func (j *Jitter) give(s *slot) {
	j.stats.Discarded++
	j.pass(s)
}

func (j *Jitter) pass(s *slot) {
	position := s.timestamp + j.packet
	next := s.sequence + 1
	j.release(s)
	j.advance(next)
	j.position = position
}

// delay is how long after the fastest possible arrival a packet is played now.
func (j *Jitter) delay(at int64, s *slot) int64 { return at - s.timestamp - j.wait.base }

// setPacket corrects the duration of a packet, and of the one that was just played.
func (j *Jitter) setPacket(units int64) {
	if j.playing {
		j.position += units - j.packet
	}
	j.packet = units
}
