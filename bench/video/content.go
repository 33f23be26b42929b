package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"tandem/internal/moving"
	"tandem/media/codec/openh264"
	"tandem/media/codec/vpx"
	"tandem/media/video"
)

const (
	width, height = 1280, 720
	sceneFrames   = 240
	frameTime     = time.Second / 30
)

// clip is a coded stream, one entry a frame. It begins with a keyframe and is played
// in a circle.
type clip [][]byte

// clips are the streams of a call.
type clips struct {
	room         clip // H.264
	large, small clip // VP8
}

// makeClips encodes the moving scene in the three ways a call needs.
func makeClips() (clips, error) {
	var c clips
	h264, err := openh264.NewEncoder(openh264.Config{Width: width, Height: height, Bitrate: 1_500_000})
	if err != nil {
		return c, err
	}
	defer h264.Close()
	vp8, err := vpx.NewEncoder(vpx.Config{Layers: []vpx.Layer{
		{Width: width / 4, Height: height / 4, Bitrate: 150_000},
		{Width: width / 2, Height: height / 2, Bitrate: 450_000},
		{Width: width, Height: height, Bitrate: 1_400_000},
	}})
	if err != nil {
		return c, err
	}
	defer vp8.Close()
	pic := video.New(width, height)
	for n := range sceneFrames {
		moving.Draw(pic, n)
		at := time.Duration(n) * frameTime
		f, err := h264.Encode(pic, at)
		if err != nil {
			return c, err
		}
		c.room = append(c.room, append([]byte(nil), f.Data...))
		layers, err := vp8.Encode(pic, at)
		if err != nil || len(layers) != 3 {
			return c, fmt.Errorf("frame %d has %d layers: %w", n, len(layers), err)
		}
		c.small = append(c.small, append([]byte(nil), layers[0].Data...))
		c.large = append(c.large, append([]byte(nil), layers[2].Data...))
	}
	return c, nil
}

// write saves the streams for the floor's program, and returns the files' names.
func (c clips) write(folder string) ([]string, error) {
	var names []string
	for _, s := range []struct {
		name string
		clip clip
	}{{"room.pk", c.room}, {"large.pk", c.large}, {"small.pk", c.small}} {
		b := binary.NativeEndian.AppendUint32(nil, uint32(len(s.clip)))
		for _, f := range s.clip {
			b = binary.NativeEndian.AppendUint32(b, uint32(len(f)))
		}
		for _, f := range s.clip {
			b = append(b, f...)
		}
		name := filepath.Join(folder, s.name)
		if err := os.WriteFile(name, b, 0o600); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// writePlain saves the streams in forms that other programs read: H.264 as a byte
// stream, VP8 as IVF.
func (c clips) writePlain(folder string) error {
	var all []byte
	for _, f := range c.room {
		all = append(all, f...)
	}
	if err := os.WriteFile(filepath.Join(folder, "room.h264"), all, 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "large.ivf"), c.large.ivf(width, height), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "small.ivf"), c.small.ivf(width/4, height/4), 0o600)
}

func (c clip) ivf(width, height int) []byte {
	b := append([]byte("DKIF"), 0, 0, 32, 0)
	b = append(b, "VP80"...)
	b = binary.LittleEndian.AppendUint16(b, uint16(width))
	b = binary.LittleEndian.AppendUint16(b, uint16(height))
	for _, v := range []uint32{30, 1, uint32(len(c)), 0} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	for n, f := range c {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(f)))
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
		b = append(b, f...)
	}
	return b
}
