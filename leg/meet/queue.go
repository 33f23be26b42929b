package meet

import (
	"sync"

	"tandem/media"
)

// maxQueue bounds the packets that wait for the loop: a keyframe of every picture.
const maxQueue = 512

// queue takes packets from the sockets' goroutines to the loop. When it is full the
// newest packet is dropped and counted: video asks for it again, voices conceal it.
type queue struct {
	mu      sync.Mutex // guards what follows
	ring    [maxQueue]queued
	head    int
	count   int
	dropped uint64
	spare   []byte // the payload of the packet that was taken last
}

type queued struct {
	to     *source
	packet media.Packet // its payload is the slot's own
}

// pressing is how many packets do not wait for the next tick: a quarter of the queue.
const pressing = maxQueue / 4

// put queues a copy of p; it reports whether the loop is to take what waits at once. It
// does so at its next tick, within 10 ms, in any case: to wake it for every packet costs
// more than to handle the packet. A packet that finds no room is dropped.
func (q *queue) put(to *source, p *media.Packet) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.count == maxQueue {
		q.dropped++
		return false
	}
	slot := &q.ring[(q.head+q.count)%maxQueue]
	payload := append(slot.packet.Payload[:0], p.Payload...)
	slot.to, slot.packet = to, *p
	slot.packet.Payload = payload
	q.count++
	return q.count == pressing
}

// take moves the oldest packet into p, whose payload is lent until the next take.
func (q *queue) take(p *media.Packet) (*source, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.count == 0 {
		return nil, false
	}
	slot := &q.ring[q.head]
	q.head = (q.head + 1) % maxQueue
	q.count--
	*p = slot.packet
	slot.packet.Payload, q.spare = q.spare, p.Payload
	return slot.to, true
}

func (q *queue) lost() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}
