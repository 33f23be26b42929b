package moving

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"tandem/media/video"
)

// Decoder is what has to stand mutants.
type Decoder interface {
	Decode(frame []byte) (*video.Picture, error)
}

// Mutants feeds a decoder frames with bits turned over and ends cut off, the same ones
// each time, and returns an error when it gives a picture that is none. What else it says
// is up to it.
func Mutants(d Decoder, frames [][]byte, number int) error {
	if len(frames) == 0 {
		return errors.New("there are no frames to mutate")
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range number {
		f := append([]byte(nil), frames[r.IntN(len(frames))]...)
		for range 1 + r.IntN(8) {
			f[r.IntN(len(f))] ^= byte(1 << r.IntN(8))
		}
		f = f[:1+r.IntN(len(f))]
		if pic, _ := d.Decode(f); pic != nil && !pic.Valid() {
			return fmt.Errorf("an invalid picture %v of %x", pic, f)
		}
	}
	return nil
}
