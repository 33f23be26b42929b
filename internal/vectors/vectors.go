// Package vectors makes coded streams with other people's encoders, and decodes them with
// other people's decoders (FFmpeg's own, which share no code with libvpx and OpenH264), for
// conformance tests: what a decoder of ours gives must be the same to the bit. Start
// reading at [Make].
package vectors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"tandem/media/video"
)

// Program is what is run.
const Program = "ffmpeg"

// A Vector is a coded stream and the pictures that are in it.
type Vector struct {
	Width, Height int
	Frames        [][]byte // coded, as a network brings them
	Pictures      [][]byte // I420, without padding
}

// Make encodes a moving test picture of a size with an encoder of FFmpeg: "libx264" or
// "libvpx", with options such as "-profile:v high", and decodes it with its decoder.
func Make(encoder, size, options string) (*Vector, error) {
	container, decoder := "ivf", "vp8"
	if encoder == "libx264" {
		container, decoder = "h264", "h264"
	}
	source := "testsrc=size=" + size + ":rate=15:duration=1,noise=alls=6:allf=t"
	coded, err := run(nil, "-f lavfi -i "+source+" -c:v "+encoder+" -pix_fmt yuv420p -threads 1 "+options+" -f "+container+" -bitexact pipe:1")
	if err != nil {
		return nil, err
	}
	raw, err := run(coded, "-threads 1 -c:v "+decoder+" -f "+container+" -i pipe:0 -fps_mode passthrough -f rawvideo -pix_fmt yuv420p pipe:1")
	if err != nil {
		return nil, err
	}
	v := &Vector{}
	if _, err := fmt.Sscanf(size, "%dx%d", &v.Width, &v.Height); err != nil {
		return nil, err
	}
	n := v.Width*v.Height + 2*((v.Width+1)/2)*((v.Height+1)/2)
	for ; len(raw) >= n; raw = raw[n:] {
		v.Pictures = append(v.Pictures, raw[:n:n])
	}
	if v.Frames, err = split(coded, container); err == nil && len(v.Pictures) < 10 {
		err = errors.New("there are too few pictures")
	}
	return v, err
}

func run(in []byte, args string) ([]byte, error) {
	c := exec.Command(Program, append([]string{"-v", "error", "-nostdin", "-y"}, strings.Fields(args)...)...)
	var failure bytes.Buffer
	c.Stdin, c.Stderr = bytes.NewReader(in), &failure
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w: %s", Program, args, err, failure.Bytes())
	}
	return out, nil
}

// split cuts a stream into frames.
func split(b []byte, container string) ([][]byte, error) {
	if container == "h264" {
		return accessUnits(b), nil
	}
	const header, frameHeader = 32, 12
	if len(b) < header {
		return nil, errors.New("no IVF file")
	}
	var frames [][]byte
	for b = b[header:]; len(b) >= frameHeader; {
		n := int(binary.LittleEndian.Uint32(b))
		if n > len(b)-frameHeader {
			return nil, errors.New("an IVF frame is cut off")
		}
		frames = append(frames, b[frameHeader:frameHeader+n])
		b = b[frameHeader+n:]
	}
	return frames, nil
}

// accessUnits cuts a byte stream before each access unit: where a slice with the first
// macroblock has been, and a parameter set, a message or such a slice follows.
func accessUnits(b []byte) (units [][]byte) {
	start, slices := 0, false
	for i := 0; i+4 < len(b); i++ {
		if b[i] != 0 || b[i+1] != 0 || b[i+2] != 1 {
			continue
		}
		kind := b[i+3] & 0x1f
		slice := kind == 1 || kind == 5
		first := slice && b[i+4]&0x80 != 0 // first_mb_in_slice is 0
		at := i
		if at > 0 && b[at-1] == 0 {
			at--
		}
		if slices && (first || kind >= 6 && kind <= 9) {
			units, start, slices = append(units, b[start:at]), at, false
		}
		slices = slices || slice
		i += 3
	}
	return append(units, b[start:])
}

// Same compares a picture with one of a vector.
func Same(p *video.Picture, want []byte) bool {
	cw, ch := p.ChromaWidth(), p.ChromaHeight()
	if len(want) != p.Width*p.Height+2*cw*ch {
		return false
	}
	same := func(plane []byte, stride, width, height int) bool {
		for y := range height {
			if !bytes.Equal(plane[y*stride:][:width], want[y*width:][:width]) {
				return false
			}
		}
		want = want[width*height:]
		return true
	}
	return same(p.Y, p.StrideY, p.Width, p.Height) && same(p.U, p.StrideC, cw, ch) && same(p.V, p.StrideC, cw, ch)
}
