package rtp

import (
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

func TestGoldenFeedbackIsRead(t *testing.T) {
	var kinds []FeedbackKind
	for f := range Feedbacks(golden(t, "rtcp-feedback.hex")) {
		kinds = append(kinds, f.Kind)
		switch f.Kind {
		case Retransmission:
			if got := slices.Collect(f.Lost()); !slices.Equal(got, []uint16{100, 101, 103}) || f.Media != 0x22222222 {
				t.Errorf("NACK %v", got)
			}
		case PictureLoss, FullIntra:
			for ssrc, number := range f.Streams() {
				if ssrc != 0x22222222 || number != 0 && number != 9 {
					t.Errorf("keyframe of %x, %d", ssrc, number)
				}
			}
		case ReceiverBitrate:
			if got, ok := f.Bitrate(); !ok || got != 1_000_000 {
				t.Errorf("REMB %d", got)
			}
		case RateRequest:
			if got := slices.Collect(f.RateLimits()); len(got) != 1 || got[0] != (RateLimit{0x22222222, 1_000_000, 40}) {
				t.Errorf("TMMBR %v", got)
			}
		case TransportArrivals:
			want := []Arrival{
				{65534, true, 129 * time.Millisecond},
				{65535, false, 129 * time.Millisecond},
				{0, true, 127 * time.Millisecond},
				{1, true, 128 * time.Millisecond},
				{2, true, 128 * time.Millisecond},
			}
			if got := slices.Collect(f.Arrivals()); !slices.Equal(got, want) {
				t.Errorf("arrivals %v", got)
			}
		}
	}
	want := []FeedbackKind{Retransmission, PictureLoss, FullIntra, ReceiverBitrate, RateRequest, TransportArrivals}
	if !slices.Equal(kinds, want) {
		t.Errorf("%v", kinds)
	}
}

// theirs reads what we wrote with another stack.
func theirs[T rtcp.Packet](t *testing.T, b []byte) T {
	t.Helper()
	list, err := rtcp.Unmarshal(b)
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v: %x", list, err, b)
	}
	p, ok := list[0].(T)
	if !ok {
		t.Fatalf("%T", list[0])
	}
	return p
}

func TestAnotherStackReadsOurFeedback(t *testing.T) {
	nack := theirs[*rtcp.TransportLayerNack](t, AppendNACK(nil, 1, 2, []uint16{65530, 65535, 3, 40}))
	var lost []uint16
	for _, n := range nack.Nacks {
		lost = append(lost, n.PacketList()...)
	}
	if !slices.Equal(lost, []uint16{65530, 65535, 3, 40}) || nack.MediaSSRC != 2 || nack.SenderSSRC != 1 {
		t.Errorf("%v", nack)
	}
	if p := theirs[*rtcp.PictureLossIndication](t, AppendPLI(nil, 1, 2)); p.MediaSSRC != 2 {
		t.Errorf("%v", p)
	}
	if p := theirs[*rtcp.FullIntraRequest](t, AppendFIR(nil, 1, 2, 7)); p.FIR[0] != (rtcp.FIREntry{SSRC: 2, SequenceNumber: 7}) {
		t.Errorf("%v", p)
	}
	for _, rate := range []uint64{1, 1000, 262143, 262144, 2_000_000, 8_123_456, 1 << 40} {
		p := theirs[*rtcp.ReceiverEstimatedMaximumBitrate](t, AppendREMB(nil, 1, rate, 5, 6))
		if got := float64(p.Bitrate) / float64(rate); got < 0.999 || got > 1.001 || !slices.Equal(p.SSRCs, []uint32{5, 6}) {
			t.Errorf("%d became %v", rate, p)
		}
	}
}

func TestWeReadWhatWeWrite(t *testing.T) {
	limits := []RateLimit{{5, 128_000, 40}, {6, 8_192_000, 511}}
	b := AppendTMMBN(AppendTMMBR(nil, 1, limits...), 1, limits...)
	n := 0
	for f := range Feedbacks(b) {
		n++
		if got := slices.Collect(f.RateLimits()); !slices.Equal(got, limits) {
			t.Errorf("%v: %v", f.Kind, got)
		}
	}
	if n != 2 {
		t.Errorf("%d messages", n)
	}
}

func TestArrivalsAreReportedAsTheyWere(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 3))
		var log TransportLog
		at := map[uint16]time.Duration{}
		now := time.Duration(0)
		sequence := uint16(65000)
		for range 20 {
			first := sequence
			for range r.IntN(60) + 1 {
				now += time.Duration(r.IntN(20_000)) * time.Microsecond
				if r.IntN(50) == 0 {
					now += time.Second
				}
				if r.IntN(5) > 0 {
					at[sequence] = now
					log.Arrive(sequence, start.Add(now))
				}
				sequence++
			}
			for b, ok := log.Append(nil, 1, 2); ok; b, ok = log.Append(nil, 1, 2) {
				p := theirs[*rtcp.TransportLayerCC](t, b)
				var symbols []uint16
				for _, c := range p.PacketChunks {
					switch c := c.(type) {
					case *rtcp.RunLengthChunk:
						symbols = append(symbols, slices.Repeat([]uint16{c.PacketStatusSymbol}, int(c.RunLength))...)
					case *rtcp.StatusVectorChunk:
						symbols = append(symbols, c.SymbolList...)
					}
				}
				for f := range Feedbacks(b) {
					n := 0
					var offset time.Duration
					for a := range f.Arrivals() {
						if a.Came != (symbols[n] != 0) {
							t.Fatalf("seed %d: the other stack reads %v as %d", seed, a, symbols[n])
						}
						n++
						when, came := at[a.Sequence]
						if came != a.Came {
							t.Fatalf("seed %d: %v, want %v", seed, a, came)
						}
						if came && offset == 0 {
							offset = when - a.At
						}
						if d := when - a.At - offset; came && (d < -time.Millisecond || d > time.Millisecond) {
							t.Fatalf("seed %d: %v came at %v", seed, a, when)
						}
						delete(at, a.Sequence)
					}
					if n != int(p.PacketStatusCount) {
						t.Fatalf("seed %d: %d packets of %d", seed, n, p.PacketStatusCount)
					}
				}
			}
			for s := range at {
				t.Fatalf("seed %d: %d was not reported (%d to %d)", seed, s, first, sequence)
			}
		}
	}
}

func TestBrokenFeedbackEndsQuietly(t *testing.T) {
	whole := golden(t, "rtcp-feedback.hex")
	for n := range whole {
		for f := range Feedbacks(whole[:n]) {
			drain(f)
		}
	}
}

func drain(f Feedback) {
	for range f.Lost() {
	}
	for range f.Streams() {
	}
	for range f.RateLimits() {
	}
	for range f.Arrivals() {
	}
	f.Bitrate()
}

func TestElementsOfAnExtensionAreRead(t *testing.T) {
	b := AppendElement(nil, 3, []byte{0x12, 0x34})
	b = AppendElement(b, 1, []byte{0x85})
	b = AppendElement(b, 15, []byte{1}) // cannot be written
	b = PadElements(b)
	if hex.EncodeToString(b) != "3112341085000000" {
		t.Errorf("%x", b)
	}
	h := Header{Profile: OneByteProfile, Extension: b}
	for id, data := range h.Elements() {
		switch id {
		case 3:
			if s, ok := TransportSequence(data); !ok || s != 0x1234 {
				t.Errorf("%x", data)
			}
		case 1:
			if level, voice, ok := AudioLevel(data); !ok || level != 5 || !voice {
				t.Errorf("%x", data)
			}
		default:
			t.Errorf("element %d", id)
		}
	}
	h = Header{Profile: TwoByteProfile, Extension: []byte{7, 0, 0, 9, 1, 3, 0, 0}}
	n := 0
	for id, data := range h.Elements() {
		n++
		if id == 9 && (len(data) != 1 || data[0] != 3) {
			t.Errorf("%x", data)
		}
	}
	if degrees, mirrored, ok := Orientation([]byte{5}); n != 2 || degrees != 90 || !mirrored || !ok {
		t.Errorf("%d elements, %d degrees", n, degrees)
	}
	if got := AbsoluteSendTime(time.Unix(-2208988800, 500_000_000)); got != [3]byte{2, 0, 0} {
		t.Errorf("%x", got)
	}
}

func FuzzFeedback(f *testing.F) {
	f.Add(golden(f, "rtcp-feedback.hex"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		for message := range Feedbacks(b) {
			drain(message)
		}
	})
}

func FuzzElements(f *testing.F) {
	f.Add([]byte{0x31, 0x12, 0x34, 0x10, 0x85, 0, 0, 0}, uint16(OneByteProfile))
	f.Fuzz(func(t *testing.T, b []byte, profile uint16) {
		h := Header{Profile: profile, Extension: b}
		n := 0
		for _, data := range h.Elements() {
			if n += len(data) + 1; n > len(b) {
				t.Error("more than there is")
			}
		}
	})
}
