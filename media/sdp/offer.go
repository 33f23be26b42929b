package sdp

// Offer makes our offer, the first or a later one.
func Offer(caps Capabilities, tr Transport) *Description { return nil }
