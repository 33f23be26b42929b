//go:build cgo

package openh264

import (
	"sync"
	"testing"
	"time"

	"tandem/internal/moving"
)

func TestCodecsOfManyCallsRunSideBySide(t *testing.T) {
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			e, d := encoder(t, Config{Width: 640, Height: 360}), decoder(t)
			for n, pic := range moving.Scene(640, 360, 5) {
				f, err := e.Encode(pic, time.Duration(n)*frameTime)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err = d.Decode(f.Data); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
}

func BenchmarkEncode(b *testing.B) {
	e := encoder(b, Config{Width: 1280, Height: 720, Bitrate: 1_500_000})
	scene := moving.Scene(1280, 720, 30)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		encode(b, e, scene[n%len(scene)], n)
		n++
	}
}

func BenchmarkDecode(b *testing.B) {
	e, d := encoder(b, Config{Width: 1280, Height: 720, Bitrate: 1_500_000}), decoder(b)
	var stream [][]byte
	for n, pic := range moving.Scene(1280, 720, 30) {
		stream = append(stream, append([]byte(nil), encode(b, e, pic, n).Data...))
	}
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Decode(stream[n%len(stream)]); err != nil {
			b.Fatal(err)
		}
		n++
	}
}
