package rtp

import (
	"time"

	"tandem/media"
)

// A Pacer spreads the packets of large frames over time, so that they do not fill the
// path's queues at once. It has neither clock nor lock: push what is to be sent, and
// send what Pop gives until it gives no more; then wait for Next.
//
// It holds at most 600 packets. When a frame does not fit the whole queue is given
// up, with Dropped counting, since what is left of it would be no picture: Push is
// false then, and the encoder should make a keyframe.
type Pacer struct {
	rate    int
	ring    [pacerPackets]media.Packet
	head    int // next to be sent
	count   int
	octets  int
	credit  float64 // octets that may be sent now
	filled  time.Time
	lent    []byte // the payload that Pop gave out last
	spares  spares
	Dropped uint64
}

const (
	pacerPackets = 600
	pacerFactor  = 2.5                   // how much faster than the target
	pacerBurst   = 10 * time.Millisecond // what may be sent at once
	pacerLongest = 500 * time.Millisecond
	minPacerRate = 300_000 // bit/s
)

// SetTarget tells how much is sent on average, in bit/s. The pacer sends up to two and
// a half times as fast.
func (p *Pacer) SetTarget(bitrate int) {
	p.rate = max(int(float64(bitrate)*pacerFactor), minPacerRate)
}

// Push takes a copy of a packet.
func (p *Pacer) Push(q *media.Packet) bool {
	if p.count == pacerPackets {
		p.Dropped += uint64(p.count) + 1
		for ; p.count > 0; p.count-- {
			p.spares.give(p.ring[p.head].Payload)
			p.ring[p.head].Payload = nil
			p.head = (p.head + 1) % pacerPackets
		}
		p.head, p.octets = 0, 0
		return false
	}
	p.takeBack()
	t := &p.ring[(p.head+p.count)%pacerPackets]
	*t = *q
	t.Payload = p.spares.keep(q.Payload)
	p.count++
	p.octets += packetOctets(t)
	return true
}

// packetOctets is a packet's size on the wire, about: header, authentication, UDP, IP.
func packetOctets(p *media.Packet) int { return len(p.Payload) + HeaderSize + 10 + 28 }

// Pop returns the next packet that may be sent now, lent until the next Push or Pop.
func (p *Pacer) Pop(now time.Time) *media.Packet {
	p.takeBack()
	p.fill(now)
	if p.count == 0 || p.credit < 0 {
		return nil
	}
	t := &p.ring[p.head]
	p.lent = t.Payload
	p.head = (p.head + 1) % pacerPackets
	p.count--
	size := packetOctets(t)
	p.octets -= size
	p.credit -= float64(size)
	return t
}

// takeBack ends the loan of the last Pop.
func (p *Pacer) takeBack() {
	p.spares.give(p.lent)
	p.lent = nil
}

// speed is in octets a second. A long queue is sent faster, so that nothing waits for
// more than half a second.
func (p *Pacer) speed() float64 {
	return max(float64(max(p.rate, minPacerRate))/8, float64(p.octets)/pacerLongest.Seconds())
}

func (p *Pacer) fill(now time.Time) {
	speed := p.speed()
	elapsed := now.Sub(p.filled)
	if p.filled.IsZero() || elapsed > time.Second {
		elapsed = pacerBurst
	}
	if elapsed <= 0 {
		return
	}
	p.filled = now
	p.credit = min(p.credit+speed*elapsed.Seconds(), speed*pacerBurst.Seconds())
}

// Next is how long to wait until a packet may be sent; false when there is none.
func (p *Pacer) Next(now time.Time) (time.Duration, bool) {
	if p.count == 0 {
		return 0, false
	}
	p.fill(now)
	if p.credit >= 0 {
		return 0, true
	}
	return time.Duration(-p.credit/p.speed()*float64(time.Second)) + time.Microsecond, true
}

// Queue is how many packets wait.
func (p *Pacer) Queue() int { return p.count }
