//go:build cgo

package vpx

import (
	"errors"
	"fmt"
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

// simulcast are three layers of 640x360 and less.
func simulcast() []Layer {
	return []Layer{{160, 90, 100_000}, {320, 180, 250_000}, {640, 360, 800_000}}
}

func TestThreeLayersShowTheSamePicture(t *testing.T) {
	for _, temporal := range []int{1, 2, 3} {
		e := encoder(t, Config{Layers: simulcast(), Temporal: temporal})
		var d [3]*Decoder
		for i := range d {
			d[i] = decoder(t)
		}
		var last [3]*video.Picture
		for n, pic := range moving.Scene(640, 360, 40) {
			frames, err := e.Encode(pic, time.Duration(n)*frameTime)
			if err != nil {
				t.Fatal(err)
			}
			if len(frames) != 3 {
				t.Fatalf("frame %d: %d layers, want 3", n, len(frames))
			}
			for i, f := range frames {
				if f.Layer != i || f.Key != (n == 0) {
					t.Fatalf("frame %d: layer %d, key %v", n, f.Layer, f.Key)
				}
				if last[i], err = d[i].Decode(f.Data); err != nil {
					t.Fatalf("temporal layers %d, frame %d, layer %d: %v", temporal, n, i, err)
				}
			}
			if n == 39 {
				if got := moving.PSNR(last[2], pic); got < 30 {
					t.Errorf("the top layer is at %.1f dB", got)
				}
			}
		}
		for i, want := range simulcast() {
			if last[i].Width != want.Width || last[i].Height != want.Height {
				t.Errorf("layer %d is %v, want %dx%d", i, last[i], want.Width, want.Height)
			}
		}
	}
}

func TestTheTopTemporalLayerCanBeLeftOut(t *testing.T) {
	e := encoder(t, Config{Layers: []Layer{{320, 180, 300_000}}, Temporal: 3})
	base, all := decoder(t), decoder(t)
	for n, pic := range moving.Scene(320, 180, 24) {
		frames, err := e.Encode(pic, time.Duration(n)*frameTime)
		if err != nil || len(frames) != 1 {
			t.Fatal(frames, err)
		}
		f := frames[0]
		if want := [4]int{0, 2, 1, 2}[n&3]; f.Temporal != want || f.Discard != (want == 2) {
			t.Errorf("frame %d: temporal layer %d, discard %v; want %d", n, f.Temporal, f.Discard, want)
		}
		whole, err := all.Decode(f.Data)
		if err != nil {
			t.Fatal(err)
		}
		if f.Temporal > 0 {
			continue
		}
		got, err := base.Decode(f.Data)
		if err != nil || moving.PSNR(got, whole) != 99 {
			t.Fatalf("frame %d without the upper layers is another picture: %v", n, err)
		}
	}
}

func TestAKeyframeIsMadeForTheLayerThatAsks(t *testing.T) {
	e := encoder(t, Config{Layers: simulcast()})
	for n, pic := range moving.Scene(640, 360, 12) {
		switch n {
		case 4:
			e.RequestKey(2)
		case 8:
			e.RequestKey(0)
		}
		frames, err := e.Encode(pic, time.Duration(n)*frameTime)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, f := range frames {
			if f.Key {
				got += fmt.Sprint(f.Layer)
			}
		}
		if want := map[int]string{0: "012", 4: "2", 8: "0"}[n]; got != want {
			t.Errorf("frame %d: keyframes on layers %q, want %q", n, got, want)
		}
	}
}

func TestALayerThatWasOffComesBackWithAKeyframe(t *testing.T) {
	e := encoder(t, Config{Layers: simulcast()})
	for n, pic := range moving.Scene(640, 360, 30) {
		switch n {
		case 10:
			if err := e.SetBitrates(100_000, 250_000, 0); err != nil {
				t.Fatal(err)
			}
		case 20:
			if err := e.SetBitrates(100_000, 250_000, 800_000); err != nil {
				t.Fatal(err)
			}
		}
		frames, err := e.Encode(pic, time.Duration(n)*frameTime)
		if err != nil {
			t.Fatal(err)
		}
		want := 3
		if n >= 10 && n < 20 {
			want = 2
		}
		if len(frames) != want {
			t.Fatalf("frame %d has %d layers, want %d", n, len(frames), want)
		}
		if want == 3 && frames[2].Key != (n == 0 || n == 20) {
			t.Errorf("frame %d: the top layer's keyframe is %v", n, frames[2].Key)
		}
	}
}

func TestTheBitrateFollows(t *testing.T) {
	e := encoder(t, Config{Layers: []Layer{{640, 360, 800_000}}, Drop: true})
	rate := func(from, frames int) int {
		sum := 0
		p := video.New(640, 360)
		for n := from; n < from+frames; n++ {
			moving.Draw(p, n)
			out, err := e.Encode(p, time.Duration(n)*frameTime)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range out {
				sum += len(f.Data)
			}
		}
		return sum * 8 * 30 / frames
	}
	rate(0, 60)
	if got := rate(60, 90); got < 500_000 || got > 950_000 {
		t.Errorf("%d bit/s, want about 800000", got)
	}
	if err := e.SetBitrates(150_000); err != nil {
		t.Fatal(err)
	}
	rate(150, 60)
	if got := rate(210, 90); got > 200_000 {
		t.Errorf("%d bit/s, want about 150000", got)
	}
}

func TestDamageIsSaidUntilTheNextKeyframe(t *testing.T) {
	e, d := encoder(t, Config{Layers: []Layer{{320, 180, 300_000}}}), decoder(t)
	scene := moving.Scene(320, 180, 12)
	if _, err := d.Decode([]byte{0x31, 1, 2, 3, 4}); !errors.Is(err, video.ErrDamaged) {
		t.Errorf("a stream that begins in the middle: %v", err)
	}
	for n, pic := range scene {
		if n == 8 {
			e.RequestKey(0)
		}
		frames, err := e.Encode(pic, time.Duration(n)*frameTime)
		if err != nil {
			t.Fatal(err)
		}
		if n == 4 {
			d.Lost()
			continue
		}
		got, err := d.Decode(frames[0].Data)
		if damaged := n > 4 && n < 8; damaged != errors.Is(err, video.ErrDamaged) || got == nil {
			t.Errorf("frame %d: %v, %v", n, got, err)
		}
	}
}

func TestWrongConfigurationsAreRefused(t *testing.T) {
	for _, c := range []Config{
		{},
		{Layers: []Layer{{0, 90, 1}}},
		{Layers: []Layer{{20000, 90, 1}}},
		{Layers: []Layer{{160, 90, 1}, {640, 360, 1}}},
		{Layers: make([]Layer, 4)},
	} {
		if e, err := NewEncoder(c); err == nil {
			e.Close()
			t.Errorf("%+v: no error", c)
		}
	}
}

func TestAClosedCodecSaysSo(t *testing.T) {
	e, d := encoder(t, Config{Layers: simulcast()}), decoder(t)
	for range 2 {
		e.Close()
		d.Close()
	}
	if _, err := e.Encode(video.New(640, 360), 0); !errors.Is(err, video.ErrClosed) {
		t.Error(err)
	}
	if err := e.SetBitrates(1); !errors.Is(err, video.ErrClosed) {
		t.Error(err)
	}
	if _, err := d.Decode(make([]byte, 20)); !errors.Is(err, video.ErrClosed) {
		t.Error(err)
	}
}

func TestAHeaderCannotAskForTooMuchMemory(t *testing.T) {
	d := decoder(t)
	huge := []byte{0x10, 0, 0, 0x9d, 0x01, 0x2a, 0xff, 0x3f, 0xff, 0x3f, 0, 0, 0, 0}
	if _, err := d.Decode(huge); !errors.Is(err, video.ErrSize) {
		t.Error(err)
	}
}

func TestNothingLeaks(t *testing.T) {
	scene := moving.Scene(320, 180, 3)
	round := func() {
		e, err := NewEncoder(Config{Layers: []Layer{{80, 45, 1e5}, {160, 90, 1e5}, {320, 180, 1e5}}})
		if err != nil {
			t.Fatal(err)
		}
		d, err := NewDecoder()
		if err != nil {
			t.Fatal(err)
		}
		for n, pic := range scene {
			frames, err := e.Encode(pic, time.Duration(n)*frameTime)
			if err != nil {
				t.Fatal(err)
			}
			d.Decode(frames[2].Data)
			d.Decode(frames[2].Data[:len(frames[2].Data)/2])
		}
		e.Close()
		d.Close()
	}
	if more := cmem.Left(50, round); more > 64<<10 {
		t.Errorf("50 encoders and decoders left %d octets", more)
	}
}

func TestEncodingAndDecodingDoNotAllocate(t *testing.T) {
	e, d := encoder(t, Config{Layers: simulcast()}), decoder(t)
	pic := moving.Scene(640, 360, 1)[0]
	n := 0
	step := func() {
		frames, err := e.Encode(pic, time.Duration(n)*frameTime)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = d.Decode(frames[2].Data); err != nil {
			t.Fatal(err)
		}
		n++
	}
	step()
	if got := testing.AllocsPerRun(20, step); got > 0 {
		t.Errorf("%v allocations a frame", got)
	}
}

// corpus are the frames of a short stream.
func corpus(tb testing.TB) [][]byte {
	e := encoder(tb, Config{Layers: []Layer{{64, 48, 100_000}}, Temporal: 3})
	var out [][]byte
	for n, pic := range moving.Scene(64, 48, 6) {
		frames, err := e.Encode(pic, time.Duration(n)*frameTime)
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, append([]byte(nil), frames[0].Data...))
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
	for _, b := range frames {
		f.Add(b, b)
	}
	f.Add(frames[0], frames[3])
	f.Fuzz(func(t *testing.T, first, second []byte) {
		d, err := NewDecoder()
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		for _, b := range [][]byte{first, second, frames[0], second} {
			if h, ok := ParseHeader(b); ok && h.Width*h.Height > 1<<20 {
				return // allowed, and slow
			}
			if pic, _ := d.Decode(b); pic != nil && !pic.Valid() {
				t.Fatalf("an invalid picture: %v", pic)
			}
		}
	})
}
