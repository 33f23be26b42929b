package sdp

// Accept reads the far end's answer to our offer. The error is an [*Error].
func Accept(caps Capabilities, tr Transport, offer, answer *Description) (Agreed, error) {
	return Agreed{}, nil
}
