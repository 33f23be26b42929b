package dialog

import (
	"bytes"
	"errors"
)

// turn says whose answer an offer waits for.
//
//	settled ──we offer──> ours ───their answer, or refusal──> settled
//	settled ──they offer─> theirs ──our answer, or refusal──> settled
type turn uint8

const (
	settled turn = iota
	ours         // we offered, they answer
	theirs       // they offered, we answer
)

func (t turn) String() string { return [...]string{"settled", "ours", "theirs"}[t] }

// offerAnswer is the offer/answer state of one dialog (RFC 3264, RFC 6337):
// never two offers at a time. It is a value; its methods return the next one.
type offerAnswer struct {
	turn          turn
	offer         []byte // the open one
	local, remote []byte // in force; nil before the first exchange
}

var errGlare = errors.New("an offer is open")

// begin opens an offer: by us (ours) or by the far end (theirs).
func (o offerAnswer) begin(by turn, sdp []byte) (offerAnswer, error) {
	if o.turn != settled {
		return o, errGlare
	}
	o.turn, o.offer = by, sdp
	return o, nil
}

// answer closes the open offer with an answer.
func (o offerAnswer) answer(sdp []byte) offerAnswer {
	switch o.turn {
	case ours:
		o.local, o.remote = o.offer, sdp
	case theirs:
		o.local, o.remote = sdp, o.offer
	}
	o.turn, o.offer = settled, nil
	return o
}

// drop closes the open offer without one: all stays as it was (RFC 3261 §14).
func (o offerAnswer) drop() offerAnswer {
	o.turn, o.offer = settled, nil
	return o
}

// established reports whether there was an exchange.
func (o offerAnswer) established() bool { return o.remote != nil }

// same reports whether the far end describes itself as it did last time.
func (o offerAnswer) same(sdp []byte) bool { return o.remote != nil && bytes.Equal(o.remote, sdp) }
