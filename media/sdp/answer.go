package sdp

// Answer answers an offer. prefer names the codec the other leg speaks ("" when
// nothing is known). The error is an [*Error].
func Answer(caps Capabilities, tr Transport, offer *Description, prefer string) (*Description, Agreed, error) {
	return nil, Agreed{}, nil
}
