package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"tandem/media/codec/openh264"
	"tandem/media/video"
)

const (
	qualityFrames  = 120
	qualityBitrate = 1_500_000
)

// qualityResult is the likeness of a room's composed picture after coding at 1.5 Mbit/s,
// as PSNR of the luma in dB, by encoder, and the bit rate each took.
type qualityResult struct {
	PSNR, Kbps map[string]float64
}

// quality composes pictures of eight people, codes them with the gateway's encoder and
// with others, and prints how good they are as JSON (P-9). films are raw pictures to use in
// place of drawn ones; see readFilms.
func quality(s clips, films string) error {
	folder, err := os.MkdirTemp("", "quality")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	raw := filepath.Join(folder, "composed.yuv")
	source := s.people
	if films != "" {
		source = readFilms(strings.Split(films, ",")).people
	}
	ours, err := compositeTo(source, raw)
	if err != nil {
		return err
	}
	streams := map[string][]byte{"ours": ours}
	x264 := fmt.Sprintf("-v error -nostdin -y -f rawvideo -pix_fmt yuv420p -s %dx%d -r 30 -i %s -c:v libx264 -preset ultrafast -tune zerolatency "+
		"-threads 1 -profile:v baseline -g 9000 -b:v 1500k -maxrate 1500k -bufsize 750k -f h264 pipe:1", width, height, raw)
	if streams["x264 ultrafast"], err = exec.Command("ffmpeg", strings.Fields(x264)...).Output(); err != nil {
		return fmt.Errorf("ffmpeg: %w", err)
	}
	gst := fmt.Sprintf("-q filesrc location=%s ! rawvideoparse width=%d height=%d format=i420 framerate=30/1 ! openh264enc bitrate=%d "+
		"rate-control=bitrate complexity=low multi-thread=1 usage-type=camera gop-size=9000 ! filesink location=%s/gst.h264", raw, width, height, qualityBitrate, folder)
	if exec.Command("gst-launch-1.0", strings.Fields(gst)...).Run() == nil {
		if streams["openh264 low complexity"], err = os.ReadFile(filepath.Join(folder, "gst.h264")); err != nil {
			return err
		}
	}
	r := qualityResult{PSNR: map[string]float64{}, Kbps: map[string]float64{}}
	for name, b := range streams {
		if r.PSNR[name], err = likeness(b, raw); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r.Kbps[name] = float64(len(b)) * 8 / 1000 / (qualityFrames / 30.0)
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// compositeTo writes composed pictures to a file, and returns them as the gateway codes
// them.
func compositeTo(people func(*call) func(person, n int) (*video.Picture, error), name string) ([]byte, error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c, err := newCall()
	if err != nil {
		return nil, err
	}
	defer c.close()
	e, err := openh264.NewEncoder(openh264.Config{Width: width, Height: height, Bitrate: qualityBitrate, FrameRate: 30})
	if err != nil {
		return nil, err
	}
	defer e.Close()
	var coded []byte
	person := people(c)
	for n := range qualityFrames + warmUp {
		at := time.Duration(n) * frameTime
		for i := range c.people {
			pic, err := person(i, n)
			if err != nil {
				return nil, err
			}
			c.picture.Put(c.ids[i], pic, 0)
		}
		out, _ := c.picture.Tick(time.Unix(0, 0).Add(at))
		if n < warmUp { // people come in
			continue
		}
		if err := writePlanes(f, out); err != nil {
			return nil, err
		}
		frame, err := e.Encode(out, at)
		if err != nil {
			return nil, err
		}
		coded = append(coded, frame.Data...)
	}
	return coded, nil
}

func writePlanes(w io.Writer, p *video.Picture) error {
	var errs []error
	plane := func(b []byte, stride, width, height int) {
		for y := range height {
			_, err := w.Write(b[y*stride:][:width])
			errs = append(errs, err)
		}
	}
	plane(p.Y, p.StrideY, p.Width, p.Height)
	plane(p.U, p.StrideC, p.ChromaWidth(), p.ChromaHeight())
	plane(p.V, p.StrideC, p.ChromaWidth(), p.ChromaHeight())
	return errors.Join(errs...)
}

// likeness is the mean PSNR of a coded stream's luma against the pictures in a file.
func likeness(coded []byte, raw string) (float64, error) {
	c := exec.Command("ffmpeg", strings.Fields("-v error -nostdin -f h264 -i pipe:0 -fps_mode passthrough -f rawvideo -pix_fmt yuv420p pipe:1")...)
	c.Stdin = bytes.NewReader(coded)
	out, err := c.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := c.Start(); err != nil {
		return 0, err
	}
	f, err := os.Open(raw)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	a, b := make([]byte, video.Size(width, height)), make([]byte, video.Size(width, height))
	sum, n := 0.0, 0
	for {
		if _, err := io.ReadFull(out, a); err != nil {
			break
		}
		if _, err := io.ReadFull(f, b); err != nil {
			break
		}
		square := 0
		for i := range width * height {
			d := int(a[i]) - int(b[i])
			square += d * d
		}
		sum, n = sum+10*math.Log10(255*255/(float64(max(square, 1))/(width*height))), n+1
	}
	_ = c.Wait()
	if n != qualityFrames {
		return 0, fmt.Errorf("%d pictures came out, want %d", n, qualityFrames)
	}
	return sum / float64(n), nil
}
