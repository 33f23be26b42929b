package vp8

import (
	"bytes"
	"image"
	"reflect"
	"testing"

	"tandem/sim/picture"
)

var red = picture.Scene{Name: "Ada", Colour: mustColour("#c03020")}

func encodeLoop(t *testing.T, n int) (first, again [][]byte) {
	t.Helper()
	e, err := NewEncoder(320, 180, 30, 200)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	img := picture.New(320, 180)
	for i := range 2 * n {
		red.Draw(img, float64(i%n)/float64(n))
		kind := Base
		switch {
		case i == 0:
			kind = Key
		case i == n:
			kind = Return
		case i%2 == 1:
			kind = Enhancement
		}
		f, err := e.Encode(img, kind)
		if err != nil {
			t.Fatal(err)
		}
		if i < n {
			first = append(first, f)
		} else {
			again = append(again, f)
		}
	}
	return first, again
}

func decodeAll(t *testing.T, frames [][]byte) (last *image.YCbCr) {
	t.Helper()
	d, err := NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for i, f := range frames {
		if last, err = d.Decode(f, nil); err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
	}
	return last
}

func TestALoopCanBePlayedForeverAfterOneKeyframe(t *testing.T) {
	first, again := encodeLoop(t, 30)
	once := decodeAll(t, append(append([][]byte{}, first...), again...))
	frames := append([][]byte{}, first...)
	for range 5 {
		frames = append(frames, again...)
	}
	if many := decodeAll(t, frames); !bytes.Equal(once.Y, many.Y) {
		t.Error("the picture differs after five rounds")
	}
	for i, f := range again {
		if h, ok := ParseHeader(f); !ok || h.Key {
			t.Errorf("frame %d of the loop is a keyframe", i)
		}
	}
	if got := picture.Common(once); picture.Distance(got, red.Colour) > 12 {
		t.Errorf("the picture is %s, want %s", picture.Hex(got), picture.Hex(red.Colour))
	}
}

func TestEnhancementFramesMayBeLeftOut(t *testing.T) {
	first, _ := encodeLoop(t, 31)
	var base [][]byte
	for i := 0; i < len(first); i += 2 {
		base = append(base, first[i])
	}
	if all, half := decodeAll(t, first), decodeAll(t, base); !bytes.Equal(all.Y, half.Y) {
		t.Error("the last base frame differs")
	}
}

func TestDescriptorRoundTrip(t *testing.T) {
	for _, d := range []Descriptor{
		{Start: true, PictureID: 0, Wide: true, TL0PicIdx: -1, TID: -1, KeyIdx: -1},
		{Start: true, PictureID: 32767, Wide: true, TL0PicIdx: 255, TID: 1, Sync: true, Droppable: true, KeyIdx: -1},
		{Partition: 3, PictureID: 5, Wide: true, TL0PicIdx: 0, TID: 0, KeyIdx: -1},
	} {
		got, rest, err := ParseDescriptor(append(d.Append(nil), 1, 2, 3))
		if err != nil || !reflect.DeepEqual(got, d) || !bytes.Equal(rest, []byte{1, 2, 3}) {
			t.Errorf("%+v became %+v %v %v", d, got, rest, err)
		}
	}
}

func TestDescriptorsOfOthers(t *testing.T) {
	for _, row := range []struct {
		name string
		in   []byte
		want Descriptor
		bad  bool
	}{
		{"no extension", []byte{0x10, 9}, Descriptor{Start: true, PictureID: -1, TL0PicIdx: -1, TID: -1, KeyIdx: -1}, false},
		{"short picture id", []byte{0x90, 0x80, 0x11, 9}, Descriptor{Start: true, PictureID: 17, TL0PicIdx: -1, TID: -1, KeyIdx: -1}, false},
		{"key index only", []byte{0x80, 0x10, 0x1f, 9}, Descriptor{PictureID: -1, TL0PicIdx: -1, TID: -1, KeyIdx: 31}, false},
		{"empty", nil, Descriptor{}, true},
		{"cut extension", []byte{0x80}, Descriptor{}, true},
		{"cut picture id", []byte{0x80, 0x80, 0x80}, Descriptor{}, true},
		{"cut TID", []byte{0x80, 0xe0, 0x01, 0x02}, Descriptor{}, true},
	} {
		got, rest, err := ParseDescriptor(row.in)
		if row.bad != (err != nil) {
			t.Errorf("%s: %v", row.name, err)
		}
		if !row.bad && (got != row.want || !bytes.Equal(rest, []byte{9})) {
			t.Errorf("%s: %+v %v", row.name, got, rest)
		}
	}
}

func TestSplitJoinsToTheFrame(t *testing.T) {
	frame := make([]byte, 3001)
	for i := range frame {
		frame[i] = byte(i)
	}
	var joined []byte
	parts := Split(frame, Descriptor{PictureID: 7, TL0PicIdx: 1, TID: 0}, 1100)
	for i, p := range parts {
		d, rest, err := ParseDescriptor(p)
		if err != nil || d.Start != (i == 0) || len(p) > 1100 {
			t.Errorf("part %d: %+v %v, %d octets", i, d, err, len(p))
		}
		joined = append(joined, rest...)
	}
	if len(parts) != 3 || !bytes.Equal(joined, frame) {
		t.Errorf("%d parts, %d octets", len(parts), len(joined))
	}
}

func TestWrongInputIsAnError(t *testing.T) {
	if _, err := NewEncoder(8, 8, 30, 100); err == nil {
		t.Error("a tiny encoder was made")
	}
	e, err := NewEncoder(64, 64, 30, 100)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Encode(picture.New(32, 32), Key); err == nil {
		t.Error("a picture of another size was encoded")
	}
	d, _ := NewDecoder()
	if _, err := d.Decode([]byte{1, 2, 3, 4}, nil); err == nil {
		t.Error("garbage was decoded")
	}
	for range 2 {
		e.Close()
		d.Close()
	}
}

func FuzzDecode(f *testing.F) {
	e, err := NewEncoder(64, 64, 30, 100)
	if err != nil {
		f.Fatal(err)
	}
	img := picture.New(64, 64)
	red.Draw(img, 0)
	key, err := e.Encode(img, Key)
	e.Close()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(key)
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, ok := ParseHeader(b); ok && h.Width*h.Height > 1<<20 {
			t.Skip("slow, not wrong")
		}
		d, err := NewDecoder()
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		_, _ = d.Decode(key, nil)
		_, _ = d.Decode(b, nil)
	})
}

func FuzzParseDescriptor(f *testing.F) {
	f.Add([]byte{0x90, 0xf0, 0x80, 0x01, 0x02, 0x23, 1})
	f.Fuzz(func(_ *testing.T, b []byte) { _, _, _ = ParseDescriptor(b) })
}
