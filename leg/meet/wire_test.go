package meet

import (
	"testing"
	"time"

	"tandem/media"
	"tandem/media/rtp"
	"tandem/media/transport"
)

// still is a loop that never turns by itself.
type still struct{}

func (still) Every(time.Duration, func(time.Time)) func() { return func() {} }
func (still) Attend(func(time.Time)) (wake, stop func())  { return func() {}, func() {} }

var _ transport.Loop = still{}

// joinedSession is a session whose service sends on the SSRCs of Google's answer.
func joinedSession() *Session {
	c := (&Config{}).withDefaults()
	s := newSession(still{}, c, true, func(any) {})
	a := &answer{sections: make([]answerSection, len(s.lines.Load().plan))}
	audio, video := uint32(6666), uint32(7777)
	for i, r := range s.lines.Load().plan {
		sec := answerSection{direction: "sendonly", twcc: true}
		switch r {
		case audioDown:
			sec.ssrc = audio
			audio++
		case videoDown, contentDown:
			sec.ssrc, sec.rtx = video, video+1
			video += 2
		default:
			sec.direction = "recvonly"
		}
		a.sections[i] = sec
	}
	s.use(nil, a)
	return s
}

type collector struct{ got []media.Packet }

func (c *collector) Receive(p *media.Packet) {
	q := *p
	q.Payload = append([]byte(nil), p.Payload...)
	c.got = append(c.got, q)
}

func packet(h rtp.Header, payload ...byte) []byte { return append(h.Append(nil), payload...) }

// MEET-C8: 42 is no identity, and the source may change at any packet.
func TestPacketsAreFromTheirContributingSource(t *testing.T) {
	s := joinedSession()
	voice, picture := &collector{}, &collector{}
	s.lines.Load().sources[0].Attach(voice)
	s.lines.Load().sources[16].Attach(picture)
	now := time.Unix(1000, 0)
	s.receive(packet(rtp.Header{PayloadType: ptOpus, Sequence: 1, SSRC: 6666, CSRC: []byte{0, 0, 0, 42, 0, 0, 3, 0xe9}}, 1), now)
	s.receive(packet(rtp.Header{PayloadType: ptOpus, Sequence: 2, SSRC: 6666, CSRC: []byte{0, 0, 7, 0xd1}}, 2), now)
	s.receive(packet(rtp.Header{PayloadType: ptOpus, Sequence: 2, SSRC: 6666}, 2), now)        // a copy
	s.receive(packet(rtp.Header{PayloadType: ptRTX, Sequence: 9, SSRC: 0}, 0, 0, 0, 0), now)   // a probe
	s.receive(packet(rtp.Header{PayloadType: ptRTX, Sequence: 9, SSRC: 7778}), now)            // another
	s.receive(packet(rtp.Header{PayloadType: ptVP8, Sequence: 10, SSRC: 7777}, 10), now)       //
	s.receive(packet(rtp.Header{PayloadType: ptVP8, Sequence: 12, SSRC: 7777}, 12), now)       // 11 is lost
	s.receive(packet(rtp.Header{PayloadType: ptRTX, Sequence: 1, SSRC: 7778}, 0, 11, 11), now) // and sent again
	s.receive(packet(rtp.Header{PayloadType: ptRTX, Sequence: 2, SSRC: 7778}, 0, 11, 11), now) // twice
	s.receive(packet(rtp.Header{PayloadType: 99, Sequence: 13, SSRC: 7777}, 13), now)          // not agreed
	s.drain(now)
	if len(voice.got) != 2 || voice.got[0].CSRC != 1001 || voice.got[1].CSRC != 2001 {
		t.Errorf("voice %+v", voice.got)
	}
	if len(picture.got) != 3 || picture.got[2].Sequence != 11 || picture.got[2].Payload[0] != 11 || picture.got[2].SSRC != 7777 || picture.got[2].PayloadType != ptVP8 {
		t.Errorf("picture %+v", picture.got)
	}
	if st := s.Stats(); st.PacketsIn != 5 || st.Dropped != 5 {
		t.Errorf("%+v", st)
	}
	s.lines.Load().sources[0].Attach(nil)
	s.receive(packet(rtp.Header{PayloadType: ptOpus, Sequence: 3, SSRC: 6666}, 3), now)
	s.drain(now)
	if len(voice.got) != 2 {
		t.Error("a receiver is called after it was replaced")
	}
}

func TestLostPicturesAreAskedFor(t *testing.T) {
	s := joinedSession()
	now := time.Unix(1000, 0)
	s.receive(packet(rtp.Header{PayloadType: ptVP8, Sequence: 10, SSRC: 7777}, 1), now)
	s.receive(packet(rtp.Header{PayloadType: ptVP8, Sequence: 13, SSRC: 7777}, 1), now)
	s.lines.Load().sources[17].RequestKeyframe()
	s.lines.Load().sources[17].RequestKeyframe()
	s.lines.Load().sources[0].RequestKeyframe() // a voice has none
	var lost []uint16
	keys := 0
	for f := range rtp.Feedbacks(s.questions(now.Add(50*time.Millisecond), false)) {
		for seq := range f.Lost() {
			lost = append(lost, seq)
		}
		if f.Kind == rtp.PictureLoss && f.Media == 7779 {
			keys++
		}
	}
	if len(lost) != 2 || lost[0] != 11 || keys != 1 {
		t.Errorf("asked for %v and %d keyframes", lost, keys)
	}
	if b := s.questions(now.Add(60*time.Millisecond), false); b != nil {
		t.Error("the same is asked for at once")
	}
}

func TestAFullQueueDropsAndCounts(t *testing.T) {
	s := joinedSession()
	now := time.Unix(1000, 0)
	for i := range maxQueue + 10 {
		s.receive(packet(rtp.Header{PayloadType: ptOpus, Sequence: uint16(i), SSRC: 6666}, byte(i)), now)
	}
	c := &collector{}
	s.lines.Load().sources[0].Attach(c)
	s.drain(now)
	if len(c.got) != maxQueue || s.Stats().Dropped != 10 {
		t.Errorf("%d came, %d dropped", len(c.got), s.Stats().Dropped)
	}
}

func TestThePacketPathDoesNotAllocate(t *testing.T) {
	s := joinedSession()
	s.lines.Load().sources[0].Attach(discarder{})
	b := packet(rtp.Header{PayloadType: ptOpus, SSRC: 6666, CSRC: []byte{0, 0, 0, 42, 0, 0, 3, 0xe9}}, make([]byte, 100)...)
	now, seq := time.Unix(1000, 0), uint16(0)
	one := func() {
		seq++
		b[2], b[3] = byte(seq>>8), byte(seq)
		s.receive(b, now)
		s.drain(now)
	}
	for range 2 * maxQueue {
		one() // the queue's buffers
	}
	if n := testing.AllocsPerRun(200, one); n > 0 {
		t.Errorf("%v allocations for a packet", n)
	}
}

type discarder struct{}

func (discarder) Receive(*media.Packet) {}

func FuzzPackets(f *testing.F) {
	f.Add(packet(rtp.Header{PayloadType: ptOpus, SSRC: 6666, CSRC: []byte{0, 0, 0, 42}}, 1), false)
	f.Add(packet(rtp.Header{PayloadType: ptRTX, SSRC: 7778}, 0, 1, 2), false)
	f.Add(rtp.AppendNACK(rtp.AppendReceiverReport(nil, 1), 1, 2, []uint16{3, 5}), true)
	f.Add(rtp.AppendREMB(rtp.AppendSenderReport(nil, rtp.SenderInfo{SSRC: 7777, NTP: 1}), 1, 1e6, 2), true)
	s := joinedSession()
	f.Fuzz(func(t *testing.T, b []byte, control bool) {
		now := time.Unix(1000, 0)
		if control {
			s.control(b, now)
		} else {
			s.receive(b, now)
		}
		s.drain(now)
		s.questions(now.Add(time.Second), true)
		s.blocks(now)
	})
}
