package prompt

import (
	"encoding/binary"
	"errors"
)

var errFormat = errors.New("not a WAV file of one channel in mu-law at 16 kHz")

// muLaw returns the samples of a WAV file (RIFF chunks "fmt " and "data").
func muLaw(file []byte) ([]byte, error) {
	if len(file) < 12 || string(file[:4]) != "RIFF" || string(file[8:12]) != "WAVE" {
		return nil, errFormat
	}
	const lawFormat = 7 // WAVE_FORMAT_MULAW
	known := false
	for rest := file[12:]; len(rest) >= 8; {
		size := int64(binary.LittleEndian.Uint32(rest[4:]))
		if size > int64(len(rest)-8) {
			return nil, errFormat
		}
		body := rest[8 : 8+size]
		switch string(rest[:4]) {
		case "fmt ":
			known = len(body) >= 16 && binary.LittleEndian.Uint16(body) == lawFormat &&
				binary.LittleEndian.Uint16(body[2:]) == 1 && binary.LittleEndian.Uint32(body[4:]) == recorded
		case "data":
			if !known {
				return nil, errFormat
			}
			return body, nil
		}
		rest = rest[min(8+size+size&1, int64(len(rest))):] // chunks are padded to even sizes
	}
	return nil, errFormat
}
