package meet

import (
	"slices"
	"time"

	"github.com/pion/datachannel"
	"github.com/pion/sctp"
)

// The labels of the data channels.
const (
	chControl      = "session-control"
	chStats        = "media-stats"
	chAssignment   = "video-assignment"
	chEntries      = "media-entries"
	chParticipants = "participants"
	chChat         = "chat"
	chIndicators   = "indicators"
	chContent      = "content"
)

var labels = map[profile][]string{
	interop:  {chControl, chStats, chAssignment, chEntries, chParticipants, chChat, chIndicators, chContent},
	mediaAPI: {chControl, chStats, chAssignment, chEntries, chParticipants},
}

// channel is one open data channel of a device.
type channel struct {
	label  string
	dc     *datachannel.DataChannel
	lastID int64       // guarded by the meeting's mutex, as what follows
	recent []time.Time // requests of the last second
}

// outMessage waits for the device's writer.
type outMessage struct {
	ch   *channel
	text []byte
	last bool // then the session is closed
}

const (
	maxOutbox     = 512
	maxBuffered   = 1 << 20 // octets that SCTP could not send yet
	drainLimit    = 500 * time.Millisecond
	drainInterval = 5 * time.Millisecond
)

// acceptChannels serves the client's channels until the association ends.
func (d *device) acceptChannels(assoc *sctp.Association) {
	d.srv.spawn(d.write)
	for {
		dc, err := datachannel.Accept(assoc, &datachannel.Config{LoggerFactory: quiet{}})
		if err != nil {
			return
		}
		label := dc.Config.Label
		switch {
		case dc.Config.ChannelType != datachannel.ChannelTypeReliable:
			d.violation("MEET-S10", "closed", "channel "+label, "channels are ordered and reliable")
			_ = dc.Close()
		case !slices.Contains(labels[d.profile], label) || !d.meeting.opened(d, &channel{label: label, dc: dc}):
			d.violation("MEET-S10", "closed", "channel "+label, "the label is unknown, or the channel is open already")
			_ = dc.Close()
		}
	}
}

// read serves one channel until it is closed.
func (d *device) read(c *channel) {
	buf := make([]byte, maxMessage+1)
	for {
		n, text, err := c.dc.ReadDataChannel(buf)
		if err != nil {
			d.meeting.closedChannel(d, c)
			return
		}
		if n == 0 {
			continue
		}
		d.meeting.message(d, c, slices.Clone(buf[:n]), text)
	}
}

// write sends what is queued, and closes the session after the last message.
func (d *device) write() {
	for {
		select {
		case <-d.session.ctx.Done():
			return
		case m := <-d.outbox:
			if _, dead := d.srv.fault(ChannelsDead, d); !dead {
				_, _ = m.ch.dc.WriteDataChannel(m.text, true)
			}
			if m.last {
				d.drain(m.ch)
				d.session.close()
				return
			}
			if m.ch.dc.BufferedAmount() > maxBuffered {
				d.lost("the client does not read its data channels")
				return
			}
		}
	}
}

// drain waits until the client has acknowledged the last message.
func (d *device) drain(c *channel) {
	ticker := time.NewTicker(drainInterval)
	defer ticker.Stop()
	limit := time.After(drainLimit)
	for c.dc.BufferedAmount() > 0 {
		select {
		case <-ticker.C:
		case <-limit:
			return
		case <-d.session.ctx.Done():
			return
		}
	}
}

// sendLocked queues a message on the channel of a label, if it is open.
func (d *device) sendLocked(label string, m message) {
	c := d.channels[label]
	if c == nil || d.state == stateEnded {
		return
	}
	d.queueLocked(outMessage{ch: c, text: m.text()})
}

func (d *device) queueLocked(m outMessage) {
	select {
	case d.outbox <- m:
		d.told(m.ch.label, m.text)
	default:
		d.violation("MEET-S10", "dropped", "channel "+m.ch.label, "the client does not read: the queue is full")
		d.session.close()
	}
}

// sendAllLocked splits a list of resources so that no message exceeds the limit.
func (d *device) sendAllLocked(label string, resources []map[string]any) {
	const perMessage = 50
	for part := range slices.Chunk(resources, perMessage) {
		d.sendLocked(label, message{Resources: part})
	}
}
