package video

// An Encoded is one coded frame of one layer. Data is lent until the encoder's next
// call.
type Encoded struct {
	Layer    int    // simulcast layer, 0 is the smallest; 0 without simulcast
	Data     []byte // VP8: a frame (RFC 6386); H.264: an access unit with start codes (Annex B)
	Key      bool   // decodable without what came before
	Temporal int    // temporal layer, 0 is the base; always 0 without temporal layers
	Sync     bool   // needs nothing but the base layer (RFC 7741, Y)
	Discard  bool   // no later frame refers to this one (RFC 7741, N)
}

// A Decoder decodes one stream.
type Decoder interface {
	// Decode decodes one coded frame. The picture is lent until the next call; it is
	// nil when the frame shows nothing. With an error that is ErrDamaged there may be
	// a picture nevertheless; other errors say why there is none.
	Decode(frame []byte) (*Picture, error)
	// Close frees the decoder's memory. A second Close does nothing.
	Close()
}
