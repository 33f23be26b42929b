package sdp

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tandem/media"
)

// Accept reads the far end's answer to our offer. What we send with is the first
// codec of the answer; it may carry another payload type than ours (RFC 3264 §6.1).
// The error is an [*Error]: 488 when the answer leaves no usable audio stream, 400
// when it is broken.
func Accept(caps Capabilities, tr Transport, offer, answer *Description) (Agreed, error) {
	if offer == nil || answer == nil {
		return Agreed{}, &Error{400, "there is no session description to accept"}
	}
	var agreed Agreed
	kinds := offer.kinds()
	for i := range offer.Media {
		if offer.Media[i].Port == 0 || i >= len(answer.Media) || answer.Media[i].Port == 0 {
			continue // rejected; an answer that is too short rejects the rest
		}
		if over, floor := offer.Media[i].floorControl(); floor {
			agreed.Floor = acceptFloor(answer, i, over)
			continue
		}
		st, err := caps.accept(tr, kinds[i].kind, section{offer, &offer.Media[i]}, section{answer, &answer.Media[i]})
		if err != nil && kinds[i].kind != media.Audio {
			continue // without a picture; the call goes on
		}
		if err != nil {
			return Agreed{}, err
		}
		st.Index = i
		agreed.Streams = append(agreed.Streams, *st)
	}
	audio := agreed.Audio()
	if audio == nil {
		return Agreed{}, &Error{488, "the far end rejected the audio stream"}
	}
	if agreed.Of(media.Content) == nil {
		agreed.Floor = nil
	}
	for i := range agreed.Streams {
		st := &agreed.Streams[i]
		st.Shared = st.Kind != media.Audio && st.Bundled && audio.Bundled && st.Mux && audio.Mux
	}
	return agreed, nil
}

func (caps Capabilities) accept(tr Transport, k media.Kind, ours, theirs section) (*Stream, *Error) {
	if theirs.m.Kind != ours.m.Kind {
		return nil, &Error{400, fmt.Sprintf("the answer has %s where %s was offered", shorten(theirs.m.Kind), ours.m.Kind)}
	}
	p, ok := parseProfile(theirs.m.Profile)
	if !ok {
		return nil, &Error{488, fmt.Sprintf("the answer changed the profile to %s", shorten(theirs.m.Profile))}
	}
	st := &Stream{Kind: k, MID: ours.mid(), Feedback: p.feedback}
	if err := theirs.checkAddress(); err != nil {
		return nil, &Error{err.Status, strings.Replace(err.Reason, "offer", "answer", 1)}
	}
	if err := theirs.secureAccept(ours, st); err != nil {
		return nil, err
	}
	if err := caps.acceptCodec(ours, theirs, st); err != nil {
		return nil, err
	}
	_, offered := ours.m.Attribute("rtcp-mux")
	_, answered := theirs.value("rtcp-mux")
	if st.Mux = offered && answered; !st.Mux && caps.Mux == MuxRequire {
		return nil, &Error{488, "the answer does not let RTP and RTCP share a port (rtcp-mux), which this leg needs"}
	}
	if _, ice := ours.m.Attribute("ice-ufrag"); ice {
		caps.acceptICE(tr, theirs, st)
	}
	st.Bundled = ours.bundled(st.MID) && theirs.bundled(st.MID)
	wanted := theirs.direction()
	st.Direction, st.Held = both(wanted, ours.direction()), !wanted.Receives()
	theirs.destination(st)
	return st, nil
}

// acceptICE drops ICE when the answer says that our default address was moved on
// the way (a=ice-mismatch), or when its own was.
func (caps Capabilities) acceptICE(tr Transport, theirs section, st *Stream) {
	caps.answerICE(tr, theirs, st)
	if _, told := theirs.value("ice-mismatch"); told {
		st.ICE, st.Mismatch = nil, true
	}
}

func (caps Capabilities) acceptCodec(ours, theirs section, st *Stream) *Error {
	offered, answered := ours.m.formats(), theirs.answered(ours)
	for _, f := range answered {
		i := slices.IndexFunc(offered, func(o format) bool { return f.Name != telephoneEvent && same(o.Codec, f.Codec) })
		if i < 0 {
			continue
		}
		c := f.Codec
		c.Channels = offered[i].Channels
		if len(st.Codecs) == 0 {
			st.Send, st.Recv = c, offered[i].Codec
		}
		st.Codecs = append(st.Codecs, c)
	}
	if len(st.Codecs) == 0 {
		return &Error{488, "the answer has none of the offered codecs: " + shorten(names(answered))}
	}
	if st.Kind != media.Audio {
		st.Messages = theirs.messages(st.Send.PayloadType).and(ours.messages(st.Recv.PayloadType))
		st.limit(theirs, caps.bitrate(st.Kind))
		return nil
	}
	acceptEvent(offered, answered, st)
	st.SendPTime = theirs.packet(st.Send.Name, caps.ptime())
	st.RecvPTime = ours.packet(st.Send.Name, caps.ptime())
	return nil
}

// answered are the formats of an answer. A dynamic payload type without rtpmap is
// taken for what we offered under that number: some phones leave the line out.
func (s section) answered(ours section) []format {
	patched := *s.m
	patched.Attributes = slices.Clone(s.m.Attributes)
	theirs := func(fmtp string) bool { // nobody who means H.264 without parameters means what the RFC says
		pt, err := strconv.ParseUint(strings.SplitN(fmtp, " ", 2)[0], 10, 7)
		return err == nil && strings.HasPrefix(strings.ToUpper(ours.m.parameter("rtpmap", uint8(pt))), "H264/")
	}
	for _, a := range ours.m.Attributes {
		if a.Name == "rtpmap" || a.Name == "fmtp" && theirs(a.Value) {
			patched.Attributes = append(patched.Attributes, a) // the first of a number counts
		}
	}
	return patched.formats()
}

func acceptEvent(offered, answered []format, st *Stream) {
	theirs, ok := eventFor(st.Send.Clock, answered)
	if !ok {
		return
	}
	for _, f := range offered {
		if f.Name == telephoneEvent && f.Clock == theirs.Clock {
			st.SendEvent, st.RecvEvent = theirs.event(), f.event()
			return
		}
	}
}
