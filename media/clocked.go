package media

import "time"

// A Clocked is a Source that knows the far end's clock from RTCP sender reports (RFC
// 3550 §6.4.1). Streams of one person share that clock, so that lips and voice can be
// brought together.
type Clocked interface {
	// Captured is when, on the far end's wall clock, the sample with an RTP timestamp
	// was taken; false until a report told. It is safe for concurrent use.
	Captured(timestamp uint32) (time.Time, bool)
}

// A Paced is a Sink that knows how much its path takes.
type Paced interface {
	// Target is what may be sent on the stream now, in bit/s: the least of what was
	// negotiated and what congestion control allows; 0 when nothing is known. Of a
	// simulcast layer it is what all layers may take together. It is safe for
	// concurrent use.
	Target() int
}
