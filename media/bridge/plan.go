package bridge

import (
	"tandem/media"
	"tandem/media/codec"
)

// technology is how one direction is carried, in the order of what it costs.
type technology uint8

const (
	idle      technology = iota // nothing passes: a hold, or a side without audio
	relay                       // packets pass
	law                         // PCMU to PCMA or back, octet by octet
	ringing                     // a tone made here
	hushed                      // silence in place of the voice; digits pass
	transcode                   // jitter buffer, decode, encode
)

// Kinds are the names that [Bridge.Kind] returns.
func Kinds() []string {
	var all []string
	for t := idle; t <= transcode; t++ {
		all = append(all, t.String())
	}
	return append(all, "conference")
}

// plan is a decision on one direction. Equal plans need no change.
type plan struct {
	tech     technology
	source   media.Source // nil when nothing is to be received
	sink     media.Sink
	from, to media.StreamInfo
	listen   bool // measure whether the source is audible
}

// choose is pure: the same streams give the same plan.
func choose(source media.Source, sink media.Sink, ring, mute bool) plan {
	p := plan{source: source, sink: sink}
	if source != nil {
		p.from = source.Info()
	}
	if sink != nil {
		p.to = sink.Info()
	}
	p.tech = technologyFor(p.from, p.to, ring)
	if mute && p.tech != idle && p.tech != ringing {
		p.tech = hushed
	}
	return p
}

func technologyFor(from, to media.StreamInfo, ring bool) technology {
	switch {
	case to.Codec == "" || !to.Direction.Sends():
		return idle
	case ring:
		return ringing
	case from.Codec == "" || !from.Direction.Receives():
		return idle
	case !samePacket(from, to) || (from.Event.Clock != 0) != (to.Event.Clock != 0):
		return transcode // digits must change between events and tones
	case from.Codec == to.Codec && from.Clock == to.Clock:
		return relay
	case isG711(from.Codec) && isG711(to.Codec):
		return law
	}
	return transcode
}

func samePacket(from, to media.StreamInfo) bool {
	return from.Packet == to.Packet || from.Packet == 0 || to.Packet == 0
}

func isG711(name string) bool { return name == "PCMU" || name == "PCMA" }

func lawOf(name string) codec.Law {
	if name == "PCMA" {
		return codec.ALaw
	}
	return codec.MuLaw
}

// rates are the sample rates, in Hz, to open the decoder and the encoder at. Opus
// works at the other side's rate, which saves the resampler and most of its own time;
// between two Opus streams wide-band speech is what telephones can play.
func rates(from, to string) (decode, encode int) {
	decode, encode = nativeRate(from), nativeRate(to)
	switch {
	case decode == 0 && encode == 0:
		return 16000, 16000
	case decode == 0:
		return encode, encode
	case encode == 0:
		return decode, decode
	}
	return decode, encode
}

// nativeRate is the only sample rate of a codec; 0 for Opus, which has many.
func nativeRate(name string) int {
	switch name {
	case "OPUS":
		return 0
	case "G722":
		return 16000
	}
	return 8000
}
