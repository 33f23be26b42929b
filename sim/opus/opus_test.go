package opus

import (
	"math"
	"testing"

	"tandem/sim/audio"
)

func TestAToneComesBack(t *testing.T) {
	e, err := NewEncoder()
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	d, err := NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var meter audio.Meter
	pcm := make([]int16, FrameSamples)
	for frame := range 50 {
		for i := range pcm {
			pcm[i] = int16(8000 * math.Sin(2*math.Pi*440*float64(frame*FrameSamples+i)/EncodeRate))
		}
		packet, err := e.Encode(pcm)
		if err != nil {
			t.Fatal(err)
		}
		if n := Samples(packet); n != FrameSamples {
			t.Fatalf("%d samples in the packet", n)
		}
		back, err := d.Decode(packet)
		if err != nil {
			t.Fatal(err)
		}
		meter.Write(back)
	}
	if f := meter.Main().Frequency; math.Abs(f-440) > 5 {
		t.Errorf("heard %v Hz", f)
	}
}

func TestWrongInputIsAnError(t *testing.T) {
	e, _ := NewEncoder()
	d, _ := NewDecoder()
	if _, err := e.Encode(make([]int16, 100)); err == nil {
		t.Error("a short frame was encoded")
	}
	if _, err := d.Decode(nil); err == nil {
		t.Error("an empty packet was decoded")
	}
	if _, err := d.Decode([]byte{0xff, 0xff, 0xff}); err == nil {
		t.Error("a malformed packet was decoded")
	}
	if Samples(nil) != 0 {
		t.Error("an empty packet has samples")
	}
	for range 2 {
		e.Close()
		d.Close()
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{0xfc, 0xff, 0xfe})
	d, err := NewDecoder()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, _ = d.Decode(b)
		Samples(b)
	})
}
