package bridge

import (
	"testing"
	"testing/synctest"
	"time"

	"tandem/internal/moving"
	"tandem/media"
	"tandem/media/compose"
	"tandem/media/video"
)

// What a room decodes shows the digits that were typed, and no others.
func TestTheSplashShowsTheTypedDigits(t *testing.T) {
	for _, codec := range []string{"H264", "VP8"} {
		t.Run(codec, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, "PCMU", codec)
				splash := media.Roster{Stage: media.Typing, Title: "Join a meeting", Notice: "Type the meeting ID, then #."}
				w.meeting.roster = splash
				w.join()
				defer w.bridge.Close()
				typed := []string{"", "1", "12", "123", "124", "1234567890123"}
				for _, digits := range typed {
					w.meeting.change(func(r *media.Roster) { r.Typed = digits })
					w.run(600 * time.Millisecond)
					pic := w.watching.look()
					save(t, pic, "typed "+digits+" "+codec)
					best, likest := 0.0, ""
					for _, other := range typed {
						if like := moving.PSNR(pic, drawn(t, splash, other, pic)); like > best {
							best, likest = like, other
						}
					}
					if likest != digits || best < 25 {
						t.Errorf("with %q typed the picture shows %q (%.1f dB)", digits, likest, best)
					}
				}
			})
		})
	}
}

// drawn is the splash with digits as it is before it is encoded, of the size of pic.
func drawn(t *testing.T, r media.Roster, typed string, pic *video.Picture) *video.Picture {
	t.Helper()
	c, err := compose.New(compose.Config{Width: pic.Width, Height: pic.Height, Still: true})
	if err != nil {
		t.Fatal(err)
	}
	r.Typed = typed
	c.Show(stateOf(&r, &view{}))
	out, _ := c.Tick(time.Now())
	return out
}
