// Package room is a scripted SIP video room for tests and the demo: a phone (package
// phone) with a camera that films a moving scene and a screen that measures what it
// is shown. It imports none of the gateway's packages. Start reading at [New], then
// [Eye], which is the video of one call.
package room

import (
	"fmt"
	"image"
	"image/color"

	"tandem/sim/phone"
	"tandem/sim/picture"
)

// Config says who the room is and what its camera films.
type Config struct {
	phone.Config           // its Picture is not looked at
	Video         []string // formats offered, preferred first: "H264", "VP8"; default both
	Width, Height int      // of the camera's picture; default 640x360
	FPS           int      // default 15
	Kbps          int      // default 500
	Name          string   // written into the picture; default the user
	Colour        color.RGBA
	// NoFeedback offers no RTCP feedback: a new picture is then asked for by INFO,
	// and this room asks for none.
	NoFeedback bool
	// Share offers a second stream for a shared screen (RFC 4796) with floor control:
	// "udp" or "tcp" (RFC 8856). See [Eye.Share].
	Share string
	// Film draws picture n in place of the scene. Two seconds of it are encoded once and
	// sent again and again: for benchmarks.
	Film func(img *image.YCbCr, n int)
	// NoDecode counts the pictures that come instead of decoding them: for benchmarks.
	NoDecode bool
}

func (c Config) complete() Config {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set(&c.Width, 640)
	set(&c.Height, 360)
	set(&c.FPS, 15)
	set(&c.Kbps, 500)
	if len(c.Video) == 0 {
		c.Video = []string{"H264", "VP8"}
	}
	if c.Name == "" {
		c.Name = c.User
	}
	if c.Colour == (color.RGBA{}) {
		c.Colour = color.RGBA{40, 90, 160, 255}
	}
	return c
}

// New makes a phone with a camera; Start it. The Picture of its calls is an [*Eye].
func New(c Config) (*phone.Phone, error) {
	look, err := c.Picture()
	if err != nil {
		return nil, err
	}
	p := &phone.Phone{Config: c.Config}
	p.Config.Picture = look
	return p, nil
}

// Picture makes the video of a phone's calls, for [phone.Config].
func (c Config) Picture() (func(bind string) (phone.Picture, error), error) {
	c = c.complete()
	for _, name := range c.Video {
		if name != "H264" && name != "VP8" {
			return nil, fmt.Errorf("room %s: no video codec %q; there are H264 and VP8", c.User, name)
		}
	}
	return func(bind string) (phone.Picture, error) { return newEye(c, bind) }, nil
}

// Of is the video of a call of the room.
func Of(c *phone.Call) *Eye {
	e, _ := c.Picture().(*Eye)
	return e
}

func (c Config) scene() picture.Scene { return picture.Scene{Name: c.Name, Colour: c.Colour} }
