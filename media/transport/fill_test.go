package transport

import (
	"testing"
	"time"

	"tandem/media/codec"
)

// Every codec's silence decodes to silence, of the right length.
func TestSilenceIsSilent(t *testing.T) {
	for _, tt := range []struct {
		name string
		rate int
	}{{"PCMU", 8000}, {"PCMA", 8000}, {"G722", 16000}, {"OPUS", 48000}} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := codec.NewDecoder(tt.name, tt.rate)
			if err != nil {
				t.Skip(err)
			}
			for range 10 {
				pcm, err := d.Decode(nil, appendSilence(nil, tt.name, 20*time.Millisecond))
				if err != nil || len(pcm) != tt.rate/50 {
					t.Fatalf("%d samples, %v", len(pcm), err)
				}
				for _, v := range pcm {
					if v > 32 || v < -32 {
						t.Fatalf("sample %d", v)
					}
				}
			}
		})
	}
	if b := appendSilence(nil, "G729", 20*time.Millisecond); b != nil {
		t.Errorf("silence of an unknown codec: % x", b)
	}
}
