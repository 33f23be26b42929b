package main

import (
	"fmt"
	"syscall"
	"time"

	"tandem/media/codec/openh264"
	"tandem/media/codec/vpx"
	"tandem/media/compose"
	"tandem/media/simulcast"
)

const people = 8

// call is the video of one call as the gateway does it, without the network.
type call struct {
	room     *openh264.Decoder
	layers   *simulcast.Encoder
	people   [people]*vpx.Decoder
	ids      [people]string
	picture  *compose.Compositor
	encoder  *openh264.Encoder
	octets   int
	parts    [5]time.Duration // decode, layers, people, compose, encode
	finished []func()
}

func newCall() (*call, error) {
	c := &call{layers: simulcast.New(simulcast.Config{})}
	var err error
	c.finished = append(c.finished, c.layers.Close)
	if c.room, err = openh264.NewDecoder(); err != nil {
		return nil, err
	}
	c.finished = append(c.finished, c.room.Close)
	state := compose.State{Speaker: "0"}
	for i := range c.people {
		if c.people[i], err = vpx.NewDecoder(); err != nil {
			return nil, err
		}
		c.finished = append(c.finished, c.people[i].Close)
		c.ids[i] = fmt.Sprint(i)
		state.Participants = append(state.Participants, compose.Participant{ID: c.ids[i], Name: "Participant " + c.ids[i], Camera: true, Muted: i > 2})
	}
	if c.picture, err = compose.New(compose.Config{Width: width, Height: height}); err != nil {
		return nil, err
	}
	c.picture.Show(state)
	if c.encoder, err = openh264.NewEncoder(openh264.Config{Width: width, Height: height, Bitrate: 1_500_000}); err != nil {
		return nil, err
	}
	c.finished = append(c.finished, c.encoder.Close)
	return c, nil
}

func (c *call) close() {
	for _, f := range c.finished {
		f()
	}
}

// cpu is what the process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// step is one frame of everything.
func (c *call) step(s clips, n int) error {
	at := time.Duration(n) * frameTime
	t := time.Now()
	lap := func(part int) {
		now := time.Now()
		c.parts[part] += now.Sub(t)
		t = now
	}
	pic, err := c.room.Decode(s.room[n%len(s.room)])
	if err != nil {
		return err
	}
	lap(0)
	layers, err := c.layers.Encode(pic, at)
	if err != nil {
		return err
	}
	for _, l := range layers {
		c.octets += len(l.Data)
	}
	lap(1)
	for i, d := range c.people {
		stream := s.small
		if i == 0 {
			stream = s.large
		}
		pic, err := d.Decode(stream[n%len(stream)])
		if err != nil {
			return err
		}
		lap(2)
		c.picture.Put(c.ids[i], pic, 0)
		lap(3)
	}
	out, _ := c.picture.Tick(time.Unix(0, 0).Add(at))
	lap(3)
	f, err := c.encoder.Encode(out, at)
	if err != nil {
		return err
	}
	c.octets += len(f.Data)
	lap(4)
	return nil
}
