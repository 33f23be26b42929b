package meet

import (
	"fmt"
	"strings"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"tandem/sim/picture"
	"tandem/sim/vp8"
)

// heardStream is what came on one SSRC.
type heardStream struct {
	kind      string
	packets   int
	csrcs     map[uint32]int
	lastSeq   uint16
	gaps      int
	jumps     int // of the timestamp
	lastTS    uint32
	asm       assembler
	frames    int
	keys      int
	pictures  map[uint32]string // by CSRC: the colour last seen
	sizes     map[string]int
	lastFrame time.Time
	errors    int
}

// track reads one remote stream.
func (r *room) track(tr *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
	h := &heardStream{kind: tr.Kind().String(), csrcs: map[uint32]int{}, pictures: map[uint32]string{}, sizes: map[string]int{}}
	r.mu.Lock()
	r.heard[uint32(tr.SSRC())] = h
	r.mu.Unlock()
	r.work.Go(func() {
		decoder, err := vp8.NewDecoder()
		if err != nil {
			return
		}
		defer decoder.Close()
		var asked time.Time
		for {
			p, _, err := tr.ReadRTP()
			if err != nil {
				return
			}
			broken := false
			r.mu.Lock()
			h.packets++
			if len(p.Payload) > 0 && len(p.CSRC) > 0 {
				h.take(p.SequenceNumber, p.Timestamp)
				for _, c := range p.CSRC {
					h.csrcs[c]++
				}
				if h.kind == "video" {
					frames, lost := h.asm.push(p.Clone(), time.Now())
					broken = lost
					for _, f := range frames {
						h.show(decoder, f, p.CSRC[0])
					}
				}
			}
			r.mu.Unlock()
			if broken && time.Since(asked) > 500*time.Millisecond {
				asked = time.Now()
				_ = r.pc.WriteRTCP(pli(uint32(tr.SSRC())))
			}
		}
	})
}

func (h *heardStream) take(seq uint16, ts uint32) {
	if h.packets > 1 && seq != h.lastSeq+1 {
		h.gaps++
	}
	if d := int32(ts - h.lastTS); h.packets > 1 && (d < 0 || d > 90000*2) {
		h.jumps++
	}
	h.lastSeq, h.lastTS = seq, ts
}

func (h *heardStream) show(d *vp8.Decoder, f frame, csrc uint32) {
	img, err := d.Decode(f.data, nil)
	if err != nil {
		h.errors++
		return
	}
	h.frames++
	h.lastFrame = time.Now()
	if f.key {
		h.keys++
	}
	h.pictures[csrc] = picture.Hex(picture.Common(img))
	h.sizes[fmt.Sprintf("%dx%d", img.Bounds().Dx(), img.Bounds().Dy())]++
}

// stream is a copy of what came on an SSRC.
func (r *room) stream(ssrc uint32) heardStream {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.heard[ssrc]
	if h == nil {
		return heardStream{}
	}
	out := *h
	out.csrcs, out.pictures, out.sizes = map[uint32]int{}, map[uint32]string{}, map[string]int{}
	for k, v := range h.csrcs {
		out.csrcs[k] = v
	}
	for k, v := range h.pictures {
		out.pictures[k] = v
	}
	for k, v := range h.sizes {
		out.sizes[k] = v
	}
	return out
}

func pli(ssrc uint32) []rtcp.Packet {
	return []rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: ssrc}}
}

func remb(ssrc uint32, bitrate float32) []rtcp.Packet {
	return []rtcp.Packet{&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: bitrate, SSRCs: []uint32{ssrc}}}
}

func nack(ssrc uint32, seq uint16) []rtcp.Packet {
	return []rtcp.Packet{&rtcp.TransportLayerNack{MediaSSRC: ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers([]uint16{seq})}}
}

func contains(text, part string) bool { return strings.Contains(text, part) }
