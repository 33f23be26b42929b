package rtp

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tandem/media"
)

// stream makes the packets of frames, whose first octets tell which they are.
type stream struct {
	vp8      VP8Packetizer
	h264     H264Packetizer
	codec    string
	sequence uint16
	frames   [][]byte
}

func (s *stream) frame(n, size int, key bool, temporal uint8) []media.Packet {
	var payloads [][]byte
	if s.codec == "VP8" {
		b := bytes.Repeat([]byte{byte(n)}, size)
		b[0] = byte(n)<<1 | 1
		if key {
			b[0] &^= 1
		}
		s.frames = append(s.frames, b)
		payloads = s.vp8.Packetize(VP8Frame{Data: b, Key: key, Temporal: temporal, NonReference: temporal > 0, Sync: temporal > 0})
	} else {
		b := accessUnit(size, key)
		b[len(b)-1] = byte(n) + 1
		s.frames = append(s.frames, b)
		payloads = s.h264.Packetize(b)
	}
	var list []media.Packet
	for i, b := range payloads {
		list = append(list, media.Packet{
			Sequence: s.sequence, Timestamp: uint32(n) * 3000, SSRC: 7, Marker: i == len(payloads)-1, Payload: slices.Clone(b),
		})
		s.sequence++
	}
	return list
}

func TestFramesComeTogetherInAnyOrderOfTheirPackets(t *testing.T) {
	for _, codec := range []string{"VP8", "H264"} {
		s := &stream{codec: codec, sequence: 65500, vp8: VP8Packetizer{Layers: true}}
		a := NewAssembler(AssemblerConfig{Codec: codec})
		r := rand.New(rand.NewPCG(1, 2))
		got := 0
		for n := range 50 {
			list := s.frame(n, 300+n*100, n == 0, 0)
			if n > 0 {
				r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			}
			list = append(list, list[0]) // once more
			for i := range list {
				a.Push(start.Add(time.Duration(n)*time.Millisecond), &list[i])
			}
			for u, ok := a.Pop(start); ok; u, ok = a.Pop(start) {
				if !bytes.Equal(u.Data, s.frames[got]) || u.Lost || u.Key != (got == 0) || u.Timestamp != uint32(got)*3000 {
					t.Fatalf("%s: frame %d is not what was sent", codec, got)
				}
				got++
			}
		}
		if st := a.Stats(); got != 50 || st.Frames != 50 || st.Dropped != 0 || a.WantsKeyframe(start) {
			t.Errorf("%s: %d frames, %+v", codec, got, st)
		}
	}
}

// pass pushes all packets but those of lost, and returns the frames' numbers.
func pass(a *Assembler, now time.Time, packets []media.Packet, lost ...int) []uint32 {
	for i := range packets {
		if !slices.Contains(lost, i) {
			a.Push(now, &packets[i])
		}
	}
	return pop(a, now)
}

func pop(a *Assembler, now time.Time) (list []uint32) {
	for u, ok := a.Pop(now); ok; u, ok = a.Pop(now) {
		list = append(list, u.Timestamp/3000)
	}
	return list
}

func TestAMissingPacketIsAskedForAndWaitedFor(t *testing.T) {
	s := &stream{codec: "VP8"}
	a := NewAssembler(AssemblerConfig{Codec: "VP8"})
	pass(a, start, s.frame(0, 100, true, 0))
	late := s.frame(1, 3000, false, 0)
	pass(a, start, late, 1)
	now := start.Add(20 * time.Millisecond)
	if got := pass(a, now, s.frame(2, 100, false, 0)); got != nil {
		t.Errorf("frames %v came too early", got)
	}
	if got := a.Missing(now); !slices.Equal(got, []uint16{late[1].Sequence}) {
		t.Errorf("asked for %v", got)
	}
	if got := a.Missing(now.Add(50 * time.Millisecond)); len(got) != 0 {
		t.Errorf("asked again within the round trip: %v", got)
	}
	if got := a.Missing(now.Add(130 * time.Millisecond)); len(got) != 1 {
		t.Errorf("asked again for %v", got)
	}
	a.Push(now, &late[1])
	if got := pop(a, now); !slices.Equal(got, []uint32{1, 2}) || a.Stats().Recovered != 1 {
		t.Errorf("frames %v, %+v", got, a.Stats())
	}
}

func TestAfterALossOnlyAKeyframeHelps(t *testing.T) {
	for _, conceal := range []bool{false, true} {
		s := &stream{codec: "VP8"}
		a := NewAssembler(AssemblerConfig{Codec: "VP8", Conceal: conceal})
		pass(a, start, s.frame(0, 100, true, 0))
		pass(a, start, s.frame(1, 3000, false, 0), 0)
		pass(a, start.Add(20*time.Millisecond), s.frame(2, 100, false, 0))
		now := start.Add(300 * time.Millisecond)
		u, ok := a.Pop(now)
		if ok != conceal || u.Lost != conceal {
			t.Errorf("conceal %v: a frame %v, %+v", conceal, ok, u)
		}
		if !a.WantsKeyframe(now) || a.WantsKeyframe(now.Add(100*time.Millisecond)) {
			t.Error("a keyframe is asked for once")
		}
		if !conceal && !a.WantsKeyframe(now.Add(600*time.Millisecond)) {
			t.Error("a keyframe is asked for again")
		}
		if got := pass(a, now, s.frame(3, 100, true, 0)); !slices.Equal(got, []uint32{3}) || a.WantsKeyframe(now.Add(2*time.Second)) {
			t.Errorf("frames %v", got)
		}
	}
}

func TestALostFrameOfAnUpperLayerDoesNoHarm(t *testing.T) {
	s := &stream{codec: "VP8", vp8: VP8Packetizer{Layers: true}}
	a := NewAssembler(AssemblerConfig{Codec: "VP8"})
	pass(a, start, s.frame(0, 100, true, 0))
	pass(a, start, s.frame(1, 100, false, 1), 0) // lost
	pass(a, start, s.frame(2, 100, false, 0))
	pass(a, start, s.frame(3, 100, false, 1))
	now := start.Add(300 * time.Millisecond)
	if got := pop(a, now); !slices.Equal(got, []uint32{2, 3}) || a.WantsKeyframe(now) {
		t.Errorf("frames %v", got)
	}
	pass(a, now, s.frame(4, 100, false, 0), 0) // a lost frame of the base
	pass(a, now, s.frame(5, 100, false, 1))
	now = now.Add(300 * time.Millisecond)
	if got := pop(a, now); got != nil || !a.WantsKeyframe(now) {
		t.Errorf("frames %v", got)
	}
}

func TestTheFirstFrameMayComeInAnyOrder(t *testing.T) {
	for _, codec := range []string{"VP8", "H264"} {
		s := &stream{codec: codec}
		a := NewAssembler(AssemblerConfig{Codec: codec})
		list := s.frame(0, 5000, true, 0)
		slices.Reverse(list)
		for i := range list {
			if got := pass(a, start.Add(time.Duration(i)*time.Millisecond), list[i:i+1]); (got != nil) != (i == len(list)-1) {
				t.Errorf("%s: frames %v after %d packets", codec, got, i+1)
			}
		}
	}
}

func TestAStreamThatBeginsInTheMiddleWaits(t *testing.T) {
	for _, codec := range []string{"VP8", "H264"} {
		s := &stream{codec: codec}
		a := NewAssembler(AssemblerConfig{Codec: codec, Conceal: true})
		got := pass(a, start, s.frame(0, 5000, true, 0)[2:])
		got = append(got, pass(a, start.Add(startWait), s.frame(1, 100, false, 0))...)
		if got != nil || !a.WantsKeyframe(start) {
			t.Errorf("%s: frames %v", codec, got)
		}
		if got := pass(a, start.Add(startWait), s.frame(2, 100, true, 0)); !slices.Equal(got, []uint32{2}) {
			t.Errorf("%s: frames %v", codec, got)
		}
	}
}

func TestParameterSetsOfSDPStandBeforeAKeyframe(t *testing.T) {
	sets := [][]byte{{0x67, 1, 2}, {0x68, 3}}
	a := NewAssembler(AssemblerConfig{Codec: "H264", ParameterSets: sets})
	a.Push(start, &media.Packet{Marker: true, Payload: []byte{0x65, 0x88, 9}})
	if _, ok := a.Pop(start); ok {
		t.Error("parameter sets may still come")
	}
	u, ok := a.Pop(start.Add(startWait))
	if want := "\x00\x00\x00\x01\x67\x01\x02\x00\x00\x00\x01\x68\x03\x00\x00\x00\x01\x65\x88\x09"; !ok || string(u.Data) != want {
		t.Errorf("% x", u.Data)
	}
}

func TestProbesAndJumpsDoNotStopTheStream(t *testing.T) {
	s := &stream{codec: "VP8"}
	a := NewAssembler(AssemblerConfig{Codec: "VP8"})
	got := pass(a, start, s.frame(0, 2000, true, 0))
	a.Push(start, &media.Packet{SSRC: 7, Sequence: s.sequence, Timestamp: 3000}) // padding only
	s.sequence++
	got = append(got, pass(a, start, s.frame(1, 2000, false, 0))...)
	s.sequence += 20000 // a restarted far end
	got = append(got, pass(a, start, s.frame(2, 100, true, 0))...)
	if !slices.Equal(got, []uint32{0, 1, 2}) {
		t.Errorf("frames %v", got)
	}
	s.sequence += 1000 // too far ahead for the buffer
	if got := pass(a, start, s.frame(3, 100, true, 0)); !slices.Equal(got, []uint32{3}) {
		t.Errorf("frames %v", got)
	}
}

func TestAFrameWithoutMarkerEndsWithItsTimestamp(t *testing.T) {
	s := &stream{codec: "H264"}
	a := NewAssembler(AssemblerConfig{Codec: "H264"})
	list := append(s.frame(0, 3000, true, 0), s.frame(1, 100, false, 0)...)
	for i := range list {
		list[i].Marker = false
	}
	if got := pass(a, start, list); !slices.Equal(got, []uint32{0}) {
		t.Errorf("frames %v", got)
	}
}

func TestRandomLossNeverShowsAWrongFrame(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := &stream{codec: "H264"}
		a := NewAssembler(AssemblerConfig{Codec: "H264", Conceal: true})
		var history History
		now, got := start, 0
		var again []media.Packet
		for n := range 200 {
			now = now.Add(33 * time.Millisecond)
			for _, p := range append(again, s.frame(n, r.IntN(6000)+1, n%50 == 0, 0)...) {
				history.Keep(now, &p)
				if n == 0 || r.IntN(10) > 0 {
					a.Push(now, &p)
				}
			}
			again = nil
			for _, seq := range a.Missing(now) {
				if p := history.Again(now, seq, 0); p != nil {
					rtx := media.Packet{SSRC: 8, PayloadType: 97, Timestamp: p.Timestamp, Marker: p.Marker, Payload: AppendRTX(nil, p)}
					q, err := ParseRTX(&rtx, 7, 0)
					if err != nil {
						t.Fatal(err)
					}
					again = append(again, q)
				}
			}
			for u, ok := a.Pop(now); ok; u, ok = a.Pop(now) {
				got++
				// What stands before the first slice may be missing after a loss.
				want := s.frames[u.Timestamp/3000]
				if !bytes.Equal(u.Data, want) && !(u.Lost && bytes.HasSuffix(want, u.Data)) {
					t.Fatalf("seed %d: frame %d is not what was sent", seed, u.Timestamp/3000)
				}
			}
		}
		if got < 180 {
			t.Errorf("seed %d: %d of 200 frames at 10 %% loss", seed, got)
		}
	}
}

func TestTheHistoryForgets(t *testing.T) {
	var h History
	h.Keep(start, &media.Packet{Sequence: 5, Payload: []byte("five")})
	if p := h.Again(start, 5, time.Second); p == nil || string(p.Payload) != "five" {
		t.Error("not there")
	}
	for name, p := range map[string]*media.Packet{
		"within the round trip": h.Again(start.Add(time.Millisecond), 5, time.Second),
		"another packet":        h.Again(start, 5+historyPackets, 0),
		"too old":               h.Again(start.Add(3*time.Second), 5, 0),
	} {
		if p != nil {
			t.Errorf("%s: %+v", name, p)
		}
	}
	if _, err := ParseRTX(&media.Packet{Payload: []byte{0, 5}}, 1, 1); err == nil {
		t.Error("padding is a packet")
	}
}

// A stream of few packets needs the memory of two seconds, not that of the whole ring; all
// packets of these two seconds are there, also where numbers are missing, come late or
// begin anew.
func TestTheHistoryNeedsTheMemoryOfTwoSeconds(t *testing.T) {
	const every = 10 * time.Millisecond
	var h History
	first := uint16(65000)
	at := func(n int) time.Time { return start.Add(time.Duration(n) * every) }
	for n := range 6000 {
		number := n
		switch n % 50 {
		case 7:
			continue // never sent
		case 20:
			number++
		case 21:
			number-- // the one before came later
		}
		h.Keep(at(n), &media.Packet{Sequence: first + uint16(number), Payload: make([]byte, 900+n%300)})
	}
	held := len(h.spare)
	for i := range h.ring {
		if h.ring[i].packet.Payload != nil {
			held++
		}
	}
	if most := int(historyAge/every) + 10; held > most {
		t.Errorf("memory of %d packets is held, want at most %d", held, most)
	}
	for back := 1; back < int(historyAge/every); back++ {
		n := 6000 - back
		p := h.Again(at(5999), first+uint16(n), 0)
		if (p == nil) != (n%50 == 7) || p != nil && p.Sequence != first+uint16(n) {
			t.Fatalf("packet %d of 6000: %v", n, p)
		}
	}
}

func TestPacketsOfAFrameCostNoAllocation(t *testing.T) {
	s := &stream{codec: "VP8"}
	key := s.frame(0, 5000, true, 0)
	a := NewAssembler(AssemblerConfig{Codec: "VP8"})
	frame := VP8Frame{Data: make([]byte, 6000), Key: true}
	unit := accessUnit(6000, true)
	vp8, h264 := VP8Packetizer{}, H264Packetizer{}
	var history History
	sequence := uint16(0)
	step := func() {
		vp8.Packetize(frame)
		h264.Packetize(unit)
		for i := range key {
			key[i].Sequence = sequence
			sequence++
			history.Keep(start, &key[i])
			a.Push(start, &key[i])
		}
		if _, ok := a.Pop(start); !ok {
			t.Fatal("no frame")
		}
	}
	for range 400 {
		step()
	}
	if n := testing.AllocsPerRun(100, step); n > 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func FuzzAssembler(f *testing.F) {
	for _, name := range []string{"vp8-descriptor.hex", "h264-stap-a.hex", "h264-fu-a.hex"} {
		f.Add(golden(f, name), uint16(1), true)
	}
	f.Fuzz(func(t *testing.T, payload []byte, jump uint16, vp8 bool) {
		codec := "H264"
		if vp8 {
			codec = "VP8"
		}
		a := NewAssembler(AssemblerConfig{Codec: codec, Conceal: jump%2 == 0, Wait: time.Millisecond})
		now := start
		for n := range 20 {
			now = now.Add(time.Millisecond)
			cut := payload[:len(payload)*n/20]
			a.Push(now, &media.Packet{Sequence: uint16(n) * jump, Timestamp: uint32(n/3) * 3000, Marker: n%3 == 2, Payload: cut})
			for range 5 {
				if _, ok := a.Pop(now); !ok {
					break
				}
			}
			a.Missing(now)
		}
	})
}

func FuzzVP8Descriptor(f *testing.F) {
	f.Add(golden(f, "vp8-descriptor.hex"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var d, again VP8Descriptor
		rest, err := ParseVP8(b, &d)
		if err != nil {
			return
		}
		if _, err := ParseVP8(append(d.Append(nil), rest...), &again); err != nil || again != d {
			t.Errorf("%+v became %+v, %v", d, again, err)
		}
	})
}
