package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"tandem/sim/phone"
	"tandem/sim/picture"
	"tandem/sim/room"
)

// film gives the caller a camera and a screen.
func (c *callCmd) film(p *phone.Phone) error {
	cfg := room.Config{Config: p.Config}
	for _, name := range c.Video {
		cfg.Video = append(cfg.Video, strings.ReplaceAll(strings.ToUpper(name), ".", ""))
	}
	if n, err := fmt.Sscanf(c.Size, "%dx%d", &cfg.Width, &cfg.Height); n != 2 || err != nil || cfg.Width < 16 || cfg.Height < 16 || cfg.Width%2+cfg.Height%2 != 0 {
		return fmt.Errorf("size %q: want even numbers of pixels, such as 640x360", c.Size)
	}
	var err error
	if cfg.Colour, err = picture.ParseHex(c.Colour); err != nil {
		return err
	}
	p.Config.Picture, err = cfg.Picture()
	return err
}

// showVideo prints what was seen, and writes the still.
func (c *callCmd) showVideo(w io.Writer, eye *room.Eye) error {
	if eye == nil {
		return nil
	}
	r := eye.Report()
	switch {
	case c.JSON:
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		if err := e.Encode(r); err != nil {
			return err
		}
	case r.Codec == "":
		fmt.Fprintln(w, "video       none was agreed on")
	default:
		fmt.Fprintf(w, "video sent  %s, %d pictures, %.0f kbit/s, %d keyframes asked for by the far end\n", r.Codec, r.Sent, r.SentKbps, r.AskedOfUs)
		fmt.Fprintf(w, "video seen  %d pictures %v, %.1f a second, %.0f kbit/s, %d packets lost, first after %v, longest pause %v, mostly %s\n",
			r.Frames, r.Sizes, r.FPS, r.Kbps, r.Lost, r.FirstAfter.Round(time.Millisecond), r.Longest.Round(time.Millisecond), picture.Hex(r.Common))
	}
	if c.Still == "" {
		return nil
	}
	return writeStill(c.Still, eye)
}

func writeStill(path string, eye *room.Eye) error {
	img := eye.Still()
	if img == nil {
		return fmt.Errorf("no picture came: %s is not written", path)
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := picture.PNG(f, img); err != nil {
		_ = f.Close()
		return fmt.Errorf("write %s: %w", path, err)
	}
	return f.Close()
}
