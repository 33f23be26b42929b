//go:build linux

package main

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"time"

	"tandem/media/codec"
	"tandem/media/tone"
)

const (
	speechSeconds = 20
	packetsSecond = 50
)

// writeSpeech makes what the callers say: PCMU frames, wide-band Opus packets as
// a browser or Google sends them (48 kHz), and samples for the Opus floor.
func writeSpeech(folder string) error {
	var ulaw, pcm, packets []byte
	law, err := codec.NewEncoder(codec.Params{Name: "PCMU", Rate: 8000, Frame: 20 * time.Millisecond})
	if err != nil {
		return err
	}
	for _, f := range frames(8000) {
		if ulaw, err = law.Encode(ulaw, f); err != nil {
			return err
		}
		for _, v := range f {
			pcm = binary.NativeEndian.AppendUint16(pcm, uint16(v))
		}
	}
	opus, err := codec.NewEncoder(codec.Params{Name: "OPUS", Rate: 48000, Frame: 20 * time.Millisecond, Loss: 5})
	if err != nil {
		return err
	}
	for _, f := range frames(48000) {
		p, err := opus.Encode(nil, f)
		if err != nil {
			return err
		}
		packets = append(binary.LittleEndian.AppendUint16(packets, uint16(len(p))), p...)
	}
	for name, b := range map[string][]byte{"speech.ulaw": ulaw, "speech.pcm": pcm, "speech.opus": packets} {
		if err := os.WriteFile(filepath.Join(folder, name), b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// frames is speech at a sample rate in Hz, cut into 20 ms.
func frames(rate int) [][]int16 {
	talk := tone.NewSpeech(rate, 1)
	var list [][]int16
	for range speechSeconds * packetsSecond {
		f := make([]int16, rate/packetsSecond)
		talk.Fill(f)
		list = append(list, f)
	}
	return list
}
