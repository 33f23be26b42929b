package tone

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// maxWAV is the longest file that is read, in samples of all channels: ten minutes
// of stereo at 48 kHz.
const maxWAV = 2 * 48000 * 600

// ErrWAV is what a file that is no WAV file gives.
var ErrWAV = errors.New("tone: not a WAV file")

// wavRates are the rates of samples that the media plane works on, in Hz.
var wavRates = []int{8000, 16000, 48000}

// wavFormat is the part of a "fmt " chunk that matters.
type wavFormat struct{ channels, rate int }

// ReadWAV reads a file of 16-bit samples at 8, 16 or 48 kHz. Two channels are mixed
// to one. A file that ends early gives what it has.
func ReadWAV(r io.Reader) (pcm []int16, rate int, err error) {
	in := bufio.NewReader(r)
	var riff [12]byte
	if _, err := io.ReadFull(in, riff[:]); err != nil || string(riff[:4]) != "RIFF" || string(riff[8:]) != "WAVE" {
		return nil, 0, ErrWAV
	}
	var format wavFormat
	for {
		var head [8]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return nil, 0, fmt.Errorf("%w: it has no audio", ErrWAV)
		}
		size := int64(binary.LittleEndian.Uint32(head[4:]))
		switch string(head[:4]) {
		case "fmt ":
			if format, err = readFormat(in, size); err != nil {
				return nil, 0, err
			}
		case "data":
			if format.channels == 0 {
				return nil, 0, fmt.Errorf("%w: the audio comes before its format", ErrWAV)
			}
			pcm, err = readSamples(in, size, format.channels)
			return pcm, format.rate, err
		default:
			if _, err := io.CopyN(io.Discard, in, size+size&1); err != nil {
				return nil, 0, fmt.Errorf("%w: it has no audio", ErrWAV)
			}
		}
	}
}

func readFormat(in io.Reader, size int64) (wavFormat, error) {
	const plain, extensible = 1, 0xfffe
	if size < 16 || size > 1024 {
		return wavFormat{}, fmt.Errorf("%w: its format has %d octets", ErrWAV, size)
	}
	b := make([]byte, size+size&1)
	if _, err := io.ReadFull(in, b); err != nil {
		return wavFormat{}, fmt.Errorf("%w: it ends in its format", ErrWAV)
	}
	kind := binary.LittleEndian.Uint16(b)
	f := wavFormat{int(binary.LittleEndian.Uint16(b[2:])), int(binary.LittleEndian.Uint32(b[4:]))}
	width := binary.LittleEndian.Uint16(b[14:])
	switch {
	case kind != plain && kind != extensible || width != 16:
		return f, fmt.Errorf("tone: the WAV file is not of 16-bit PCM (format %d, %d bits)", kind, width)
	case f.channels != 1 && f.channels != 2:
		return f, fmt.Errorf("tone: the WAV file has %d channels, not 1 or 2", f.channels)
	case !slices.Contains(wavRates, f.rate):
		return f, fmt.Errorf("tone: the WAV file has %d samples a second, not 8000, 16000 or 48000", f.rate)
	}
	return f, nil
}

// readSamples reads size octets, or up to the end: a stream has a size of 0 or the
// largest number in its header.
func readSamples(in io.Reader, size int64, channels int) ([]int16, error) {
	if size == 0 {
		size = 1<<32 - 1
	}
	b, err := io.ReadAll(io.LimitReader(in, min(size, 2*maxWAV+1)))
	if err != nil {
		return nil, fmt.Errorf("tone: read the WAV file: %w", err)
	}
	if len(b) > 2*maxWAV {
		return nil, errors.New("tone: the WAV file is longer than ten minutes")
	}
	pcm := make([]int16, len(b)/2/channels)
	for i := range pcm {
		sum := 0
		for c := range channels {
			sum += int(int16(binary.LittleEndian.Uint16(b[2*(i*channels+c):])))
		}
		pcm[i] = int16(sum / channels)
	}
	return pcm, nil
}

// WriteWAV writes a file of one channel.
func WriteWAV(w io.Writer, pcm []int16, rate int) error {
	if int64(len(pcm)) > (1<<32-64)/2 || rate <= 0 {
		return fmt.Errorf("tone: %d samples at %d Hz do not fit into a WAV file", len(pcm), rate)
	}
	size := uint32(2 * len(pcm))
	b := append(make([]byte, 0, 44+int(size)), "RIFF"...)
	b = binary.LittleEndian.AppendUint32(b, 36+size)
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	b = binary.LittleEndian.AppendUint16(b, 1) // PCM
	b = binary.LittleEndian.AppendUint16(b, 1) // channel
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(2*rate))
	b = binary.LittleEndian.AppendUint16(b, 2)
	b = binary.LittleEndian.AppendUint16(b, 16)
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, size)
	for _, v := range pcm {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	if _, err := w.Write(b); err != nil {
		return fmt.Errorf("tone: write the WAV file: %w", err)
	}
	return nil
}
