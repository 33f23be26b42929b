package media

import "time"

// Figures are what went through one stream, and what its pictures are like. Fields
// that are not known are zero.
type Figures struct {
	Packets, Lost uint64        // since it was made
	Jitter        time.Duration // RFC 3550 §6.4.1; of what comes in
	Bitrate       int           // bit/s of RTP payload, over the last two seconds; of pictures
	Width, Height int           // pixels of the newest picture
	FrameRate     float64       // pictures in a second, over the last two
}

// A Measured is a Source or a Sink that tells its figures.
type Measured interface {
	Figures(now time.Time) Figures
}
