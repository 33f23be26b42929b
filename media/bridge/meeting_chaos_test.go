package bridge

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"tandem/media"
)

// Whatever comes on any stream, the room goes on to see and hear who is well.
func TestGarbageOnEveryStream(t *testing.T) {
	for _, codecName := range []string{"H264", "VP8"} {
		t.Run(codecName, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, "OPUS", codecName)
				w.add(0, "Ada", 440, colours()[0])
				camera := newFilmer(t, w.films, 320, 180, colours()[3])
				r := rand.New(rand.NewPCG(1, 2))
				camera.spoil = func(n int, payload []byte) []byte { return spoil(r, payload) }
				ben := w.add(1, "Ben", 0, colours()[1])
				ben.camera.spoil = camera.spoil
				var p media.Packet
				sources := append(append([]*fakeSource(nil), w.room.sources...), w.meeting.sources...)
				w.others = append(w.others, func(now time.Time) {
					camera.film(now)
					for _, src := range sources {
						if src == w.meeting.sources[0] || src == w.meeting.sources[4] {
							continue // Ada's
						}
						i := src.Info()
						p.PayloadType, p.Marker, p.Arrived = i.PayloadType, r.IntN(2) == 0, now
						p.Sequence, p.Timestamp = p.Sequence+uint16(r.IntN(3)), p.Timestamp+uint32(r.IntN(4000))
						p.SSRC, p.CSRC = uint32(r.IntN(2)), uint32(r.IntN(400))
						if r.IntN(20) == 0 {
							p.PayloadType, p.Sequence, p.Timestamp = uint8(r.IntN(128)), uint16(r.Uint32()), r.Uint32()
						}
						p.Payload = spoil(r, make([]byte, r.IntN(1300)))
						src.deliver(&p)
					}
				})
				w.join()
				defer w.bridge.Close()
				for range 10 {
					w.run(300 * time.Millisecond)
					w.meeting.change(func(o *media.Roster) { o.Recording = !o.Recording })
				}
				pic := w.watching.look()
				save(t, pic, "garbage "+codecName)
				if got := share(pic, colours()[0]); got < 0.3 {
					t.Errorf("Ada fills %.2f of the picture", got)
				}
				s := w.bridge.Stats()
				if s.Room.Damaged+s.Room.Skipped == 0 || s.Room.Errors > 0 {
					t.Errorf("the damage is not in the counters: %+v", s.Room)
				}
			})
		})
	}
}

// spoil changes some octets, or all, or cuts the payload.
func spoil(r *rand.Rand, payload []byte) []byte {
	out := append([]byte(nil), payload...)
	switch r.IntN(4) {
	case 0:
		for i := range out {
			out[i] = byte(r.Uint32())
		}
	case 1:
		out = out[:r.IntN(len(out)+1)]
	default:
		for range len(out)/50 + 1 {
			if len(out) > 0 {
				out[r.IntN(len(out))] = byte(r.Uint32())
			}
		}
	}
	return out
}

func TestAHostMutesTheRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "PCMU", "VP8")
		w.add(0, "Ada", 0, colours()[0])
		w.speaks.mute = false
		w.join()
		defer w.bridge.Close()
		w.run(time.Second)
		w.meeting.change(func(r *media.Roster) { r.OwnAudioMuted = true })
		w.run(200 * time.Millisecond)
		w.heard.take()
		w.run(time.Second)
		if n := len(w.heard.take()); n > 0 || !w.meeting.muted[0] {
			t.Errorf("the meeting still gets %d packets; told %v", n, w.meeting.muted)
		}
		save(t, w.watching.look(), "muted by host")
		w.bridge.Key(false, '*')
		w.bridge.Key(false, '6')
		w.meeting.change(func(r *media.Roster) { r.OwnAudioMuted = false })
		w.run(time.Second)
		if n := len(w.heard.take()); n < 40 || w.meeting.muted[0] {
			t.Errorf("after *6 the meeting gets %d packets; told %v", n, w.meeting.muted)
		}
	})
}
