package opus

import (
	"errors"
	"fmt"
)

// MaxPacket is the largest packet of one frame, in octets (RFC 6716 §3.4).
const MaxPacket = 1275

var (
	errFrame  = errors.New("opus: a frame is 2.5, 5, 10, 20, 40 or 60 ms long")
	errPacket = errors.New("opus: the packet announces frames it does not have, or more than 120 ms")
)

// Config describes an Encoder.
type Config struct {
	Rate       int  // of the samples: 8000, 12000, 16000, 24000 or 48000 Hz
	Bitrate    int  // bit/s
	Complexity int  // 0 to 10
	Loss       int  // percent the network is expected to lose; more than 0 adds in-band FEC
	DTX        bool // send nearly nothing while nobody speaks
}

// Error is what libopus says.
type Error struct {
	Code int // OPUS_BAD_ARG and so on
	Text string
}

func (e Error) Error() string { return fmt.Sprintf("libopus: %s (%d)", e.Text, e.Code) }

// Samples is how much audio a packet has at rate Hz, by its first octets (RFC 6716
// §3.1 and §3.2.5).
func Samples(packet []byte, rate int) (int, error) {
	if len(packet) == 0 {
		return 0, errPacket
	}
	frames := 1
	switch packet[0] & 3 {
	case 1, 2:
		frames = 2
	case 3:
		if len(packet) < 2 {
			return 0, errPacket
		}
		frames = int(packet[1] & 0x3f)
	}
	n := frames * frameSamples(packet[0]>>3, rate)
	if n == 0 || n > rate*120/1000 {
		return 0, errPacket
	}
	return n, nil
}

// frameSamples is the length of one frame by the packet's configuration (RFC 6716 table 2).
func frameSamples(config byte, rate int) int {
	switch {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		return [...]int{1, 2, 4, 6}[config&3] * rate / 100
	case config < 16: // hybrid: 10, 20 ms
		return [...]int{1, 2}[config&1] * rate / 100
	}
	return rate / 400 << (config & 3) // CELT: 2.5, 5, 10, 20 ms
}
