//go:build cgo

package openh264

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tandem/internal/cmem"
	"tandem/internal/moving"
	"tandem/media/video"
)

const frameTime = time.Second / 30

func encoder(t testing.TB, c Config) *Encoder {
	t.Helper()
	e, err := NewEncoder(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func decoder(t testing.TB) *Decoder {
	t.Helper()
	d, err := NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func encode(t testing.TB, e *Encoder, pic *video.Picture, n int) video.Encoded {
	t.Helper()
	f, err := e.Encode(pic, time.Duration(n)*frameTime)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestAPictureComesBackAsItWas(t *testing.T) {
	for _, size := range [][2]int{{640, 360}, {480, 360}, {360, 640}, {176, 144}, {322, 182}} {
		e, d := encoder(t, Config{Width: size[0], Height: size[1], Bitrate: 1_000_000}), decoder(t)
		for n, pic := range moving.Scene(size[0], size[1], 20) {
			f := encode(t, e, pic, n)
			if f.Key != (n == 0) {
				t.Errorf("frame %d: key %v", n, f.Key)
			}
			got, err := d.Decode(f.Data)
			if err != nil {
				t.Fatal(err)
			}
			if p := moving.PSNR(got, pic); p < 30 {
				t.Fatalf("%v, frame %d: %v at %.1f dB", size, n, got, p)
			}
		}
	}
}

func TestTheStreamIsConstrainedBaseline(t *testing.T) {
	e := encoder(t, Config{Width: 1280, Height: 720})
	for nal := range units(encode(t, e, video.New(1280, 720), 0).Data) {
		if nal[0]&0x1f != nalSPS {
			continue
		}
		s, err := video.ParseSPS(nal)
		if err != nil || s.Profile != 66 || s.Constraints&0x40 == 0 || s.Level < 31 || s.Width != 1280 || s.Height != 720 {
			t.Errorf("%+v, %v", s, err)
		}
		return
	}
	t.Error("no sequence parameter set")
}

func TestKeyframesComeWhenAskedFor(t *testing.T) {
	e := encoder(t, Config{Width: 320, Height: 240})
	for n, pic := range moving.Scene(320, 240, 10) {
		if n == 6 {
			e.RequestKey()
		}
		if f := encode(t, e, pic, n); f.Key != (n == 0 || n == 6) {
			t.Errorf("frame %d: key %v", n, f.Key)
		}
	}
}

func TestTheBitrateFollowsBothWays(t *testing.T) {
	e := encoder(t, Config{Width: 640, Height: 360, Bitrate: 300_000})
	p := video.New(640, 360)
	n := 0
	rate := func(frames int) int {
		sum := 0
		for range frames {
			moving.Draw(p, n)
			sum += len(encode(t, e, p, n).Data)
			n++
		}
		return sum * 8 * 30 / frames
	}
	rate(30)
	if got := rate(60); got < 150_000 || got > 400_000 {
		t.Errorf("%d bit/s, want about 300000", got)
	}
	if err := e.SetRate(1_500_000, 0); err != nil { // far above the first maximum
		t.Fatal(err)
	}
	rate(60)
	if got := rate(60); got < 600_000 {
		t.Errorf("%d bit/s, want about 1500000", got)
	}
	if err := e.SetRate(200_000, 15); err != nil {
		t.Fatal(err)
	}
	rate(90)
	if got := rate(60); got > 500_000 { // counted at 30 frames/s, though 15 were announced
		t.Errorf("%d bit/s, want less", got)
	}
}

func TestTheSizeChangesInMidCall(t *testing.T) {
	e, d := encoder(t, Config{Width: 320, Height: 180}), decoder(t)
	for n, size := range [][2]int{{320, 180}, {640, 360}, {360, 640}, {320, 180}} {
		pic := moving.Scene(size[0], size[1], 1)[0]
		f := encode(t, e, pic, n)
		got, err := d.Decode(f.Data)
		if err != nil || !f.Key || moving.PSNR(got, pic) < 30 {
			t.Errorf("%v: %v, key %v, %v", size, got, f.Key, err)
		}
	}
	if _, err := e.Encode(video.New(15, 15), time.Second); !errors.Is(err, video.ErrSize) {
		t.Error(err)
	}
	encode(t, e, moving.Scene(320, 180, 1)[0], 10) // still of use
}

func TestNALUnitsKeepToTheirLimit(t *testing.T) {
	e := encoder(t, Config{Width: 640, Height: 360, MaxNAL: 1100})
	for n, pic := range moving.Scene(640, 360, 5) {
		for nal := range units(encode(t, e, pic, n).Data) {
			if len(nal) > 1100 {
				t.Errorf("frame %d: a NAL unit of %d octets", n, len(nal))
			}
		}
	}
}

func TestDamageIsConcealedAndSaid(t *testing.T) {
	e, d := encoder(t, Config{Width: 320, Height: 180}), decoder(t)
	for n, pic := range moving.Scene(320, 180, 12) {
		if n == 8 {
			e.RequestKey()
		}
		f := encode(t, e, pic, n)
		if n == 4 {
			continue // lost
		}
		got, err := d.Decode(f.Data)
		if n < 4 || n >= 8 {
			if err != nil || moving.PSNR(got, pic) < 28 {
				t.Errorf("frame %d: %v", n, err)
			}
		} else if !errors.Is(err, video.ErrDamaged) {
			t.Errorf("frame %d after a loss: %v", n, err)
		}
	}
}

// The files are five pictures of 176x144 each, of x264: see testdata/README.
func TestMainAndHighProfileAreDecoded(t *testing.T) {
	for _, file := range []string{"testdata/baseline.h264", "testdata/main.h264", "testdata/high.h264"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d := decoder(t)
		scene := moving.Scene(176, 144, 5)
		shown := 0
		for _, unit := range accessUnits(b) {
			got, err := d.Decode(unit)
			if err != nil {
				t.Fatalf("%s: picture %d: %v %v", file, shown, got, err)
			}
			if got == nil {
				continue
			}
			if p := moving.PSNR(got, scene[shown]); p < 30 {
				t.Errorf("%s: picture %d at %.1f dB", file, shown, p)
			}
			shown++
		}
		if shown != 5 {
			t.Errorf("%s: %d pictures, want 5", file, shown)
		}
	}
}

func TestPicturesWithBSlicesComeInTheOrderTheyAreShown(t *testing.T) {
	b, err := os.ReadFile("testdata/bslices.h264")
	if err != nil {
		t.Fatal(err)
	}
	scene := moving.Scene(176, 144, 5)
	for _, known := range []bool{true, false} {
		d := decoder(t)
		d.Reorder = known
		shown := 0
		show := func(pic *video.Picture, err error) bool {
			if err != nil || pic == nil {
				return false
			}
			if p := moving.PSNR(pic, scene[min(shown, 4)]); known && p < 30 {
				t.Errorf("picture %d at %.1f dB", shown, p)
			}
			shown++
			return true
		}
		for _, unit := range accessUnits(b) {
			show(d.Decode(unit))
		}
		for show(d.Flush()) && shown < 10 {
		}
		if shown != 5 || !d.Reorder {
			t.Errorf("%d pictures, want 5; reordering %v", shown, d.Reorder)
		}
	}
}

// accessUnits splits a file whose pictures have one slice each.
func accessUnits(b []byte) [][]byte {
	var list [][]byte
	var unit []byte
	for nal := range units(b) {
		unit = append(append(unit, 0, 0, 0, 1), nal...)
		if kind := nal[0] & 0x1f; kind == nalSlice || kind == nalIDR {
			list, unit = append(list, unit), nil
		}
	}
	return list
}

func TestParameterSetsOfAnyShapeAreRead(t *testing.T) {
	for file, profile := range map[string]uint8{"baseline": 66, "main": 77, "high": 100} {
		b, err := os.ReadFile("testdata/" + file + ".h264")
		if err != nil {
			t.Fatal(err)
		}
		for nal := range units(b) {
			if nal[0]&0x1f == nalSPS {
				if s, err := video.ParseSPS(nal); err != nil || s.Profile != profile || s.Width != 176 || s.Height != 144 {
					t.Errorf("%s: %+v, %v", file, s, err)
				}
			}
		}
	}
}

func TestAHugeParameterSetIsRefused(t *testing.T) {
	// Baseline, 4096 x 4096 macroblocks: ue(4095) is 12 zeros, a one and 12 zeros.
	huge := []byte{0, 0, 0, 1, 0x67, 66, 0xc0, 51, 0b11111000, 0b00000000, 0b01000000, 0b00000000, 0b00000010, 0, 0x7f}
	s, err := video.ParseSPS(huge[4:])
	if err != nil || s.Width < 1<<14 {
		t.Fatalf("%+v, %v", s, err)
	}
	if _, err := decoder(t).Decode(huge); !errors.Is(err, video.ErrSize) {
		t.Error(err)
	}
}

func TestAClosedCodecSaysSo(t *testing.T) {
	e, d := encoder(t, Config{Width: 320, Height: 180}), decoder(t)
	for range 2 {
		e.Close()
		d.Close()
	}
	if _, err := e.Encode(video.New(320, 180), 0); !errors.Is(err, video.ErrClosed) {
		t.Error(err)
	}
	if err := e.SetRate(1, 1); !errors.Is(err, video.ErrClosed) {
		t.Error(err)
	}
	if _, err := d.Decode([]byte{0, 0, 1, 9}); !errors.Is(err, video.ErrClosed) {
		t.Error(err)
	}
}

func TestNothingLeaks(t *testing.T) {
	scene := moving.Scene(320, 180, 3)
	round := func() {
		e, err := NewEncoder(Config{Width: 320, Height: 180})
		if err != nil {
			t.Fatal(err)
		}
		d, err := NewDecoder()
		if err != nil {
			t.Fatal(err)
		}
		for n, pic := range scene {
			f := encode(t, e, pic, n)
			d.Decode(f.Data)
			d.Decode(f.Data[:len(f.Data)/2])
		}
		e.Close()
		d.Close()
	}
	if more := cmem.Left(30, round); more > 64<<10 {
		t.Errorf("30 encoders and decoders left %d octets", more)
	}
}

func TestEncodingAndDecodingDoNotAllocate(t *testing.T) {
	e, d := encoder(t, Config{Width: 320, Height: 180}), decoder(t)
	pic := moving.Scene(320, 180, 1)[0]
	n := 0
	step := func() {
		if _, err := d.Decode(encode(t, e, pic, n).Data); err != nil {
			t.Fatal(err)
		}
		n++
	}
	step()
	if got := testing.AllocsPerRun(20, step); got > 0 {
		t.Errorf("%v allocations a frame", got)
	}
}

func corpus(tb testing.TB) [][]byte {
	e := encoder(tb, Config{Width: 64, Height: 48, MaxNAL: 500})
	var out [][]byte
	for n, pic := range moving.Scene(64, 48, 6) {
		out = append(out, append([]byte(nil), encode(tb, e, pic, n).Data...))
	}
	files, _ := filepath.Glob("testdata/*.h264")
	for _, file := range files {
		if b, err := os.ReadFile(file); err == nil {
			out = append(out, accessUnits(b)...)
		}
	}
	return out
}

func TestMutatedStreamsDoNoHarm(t *testing.T) {
	if err := moving.Mutants(decoder(t), corpus(t), 3000); err != nil {
		t.Fatal(err)
	}
}

func FuzzDecode(f *testing.F) {
	frames := corpus(f)
	for i, b := range frames {
		f.Add(b, frames[(i+1)%len(frames)])
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		d, err := NewDecoder()
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		for _, b := range [][]byte{first, second, frames[0], second} {
			for nal := range units(b) {
				if s, err := video.ParseSPS(nal); err == nil && s.Width*s.Height > 1<<20 {
					return // allowed, and slow
				}
			}
			if pic, _ := d.Decode(b); pic != nil && !pic.Valid() {
				t.Fatalf("an invalid picture: %v", pic)
			}
		}
	})
}

func FuzzParseSPS(f *testing.F) {
	for _, b := range corpus(f) {
		for nal := range units(b) {
			f.Add(nal)
		}
	}
	f.Fuzz(func(t *testing.T, nal []byte) {
		if s, err := video.ParseSPS(nal); err == nil && (s.Width <= 0 || s.Height <= 0 || s.Width > 1<<16 || s.Height > 1<<17) {
			t.Errorf("%+v", s)
		}
	})
}
