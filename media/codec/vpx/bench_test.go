//go:build cgo

package vpx

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"tandem/internal/moving"
)

func TestCodecsOfManyCallsRunSideBySide(t *testing.T) {
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			e, d := encoder(t, Config{Layers: simulcast()}), decoder(t)
			for n, pic := range moving.Scene(640, 360, 5) {
				frames, err := e.Encode(pic, time.Duration(n)*frameTime)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err = d.Decode(frames[2].Data); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
}

// The layers are those of a Meet call.
func BenchmarkEncode(b *testing.B) {
	e := encoder(b, Config{Layers: []Layer{{320, 180, 150_000}, {640, 360, 450_000}, {1280, 720, 1_400_000}}})
	scene := moving.Scene(1280, 720, 30)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Encode(scene[n%len(scene)], time.Duration(n)*frameTime); err != nil {
			b.Fatal(err)
		}
		n++
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, l := range []Layer{{320, 180, 150_000}, {640, 360, 450_000}, {1280, 720, 1_400_000}} {
		b.Run(fmt.Sprint(l.Height), func(b *testing.B) {
			e, d := encoder(b, Config{Layers: []Layer{l}}), decoder(b)
			var stream [][]byte
			for n, pic := range moving.Scene(l.Width, l.Height, 30) {
				frames, err := e.Encode(pic, time.Duration(n)*frameTime)
				if err != nil {
					b.Fatal(err)
				}
				stream = append(stream, append([]byte(nil), frames[0].Data...))
			}
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Decode(stream[n%len(stream)]); err != nil {
					b.Fatal(err)
				}
				n++
			}
		})
	}
}
