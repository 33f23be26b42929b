package invite

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"time"

	"tandem/call"
	"tandem/media"
	"tandem/media/dtmf"
	"tandem/media/sdp"
	"tandem/media/transport"
	"tandem/sip/dialog"
)

// A path is what a leg needs of its media session, which is a [transport.Session].
type path interface {
	media.Session
	Offer() ([]byte, error)
	AnswerTo(offer []byte, prefer string) ([]byte, error)
	SetAnswer(answer []byte) error
	Rollback()
	Agreed() sdp.Agreed
	SetVideo(on bool, format string, l media.Limits)
	SetLayers(n int)
	SetScreen(on bool)
	KeyframeRequested()
	SendDigit(key rune, hold time.Duration) error
	OnEvent(func(transport.Event))
	Close()
}

var _ path = (*transport.Session)(nil)

// An Offer is a caller's description before there is a leg for it. The zero Offer is
// a late one: ours goes into the 200.
type Offer struct {
	body        []byte
	description *sdp.Description // nil without one that can be read
	err         error
}

// ReadOffer reads the body of an INVITE.
func ReadOffer(body []byte) Offer {
	o := Offer{body: body}
	if len(body) > 0 {
		o.description, o.err = sdp.Parse(body)
	}
	return o
}

// check finds out whether an answer can be made at all, so that nobody's phone rings
// for a call that cannot have sound.
func (o *Offer) check(caps sdp.Capabilities) error {
	if o.description == nil {
		return o.err
	}
	tr := sdp.Transport{
		Address: netip.IPv6Unspecified(), Port: 9, Ufrag: "xxxx", Password: "xxxxxxxxxxxxxxxxxxxxxxxx",
		Fingerprints: []sdp.Fingerprint{{Hash: "sha-256", Value: "00"}},
	}
	for _, s := range []sdp.Suite{sdp.AES128GCM, sdp.AES256GCM, sdp.AES128CMSHA1_80, sdp.AES128CMSHA1_32} {
		tr.Crypto = append(tr.Crypto, sdp.Crypto{Tag: len(tr.Crypto) + 1, Suite: s, Key: make([]byte, s.KeyLen())})
	}
	return sdp.Answerable(caps, tr, o.description)
}

// Codecs lists the audio codecs of the offer, best first; none when it cannot be read.
func (o *Offer) Codecs(known []sdp.Codec) []string {
	if o.description == nil {
		return nil
	}
	var names []string
	for i := range o.description.Media {
		m := &o.description.Media[i]
		if m.Kind != "audio" || m.Port == 0 {
			continue
		}
		for _, f := range m.Formats {
			if name := codecName(m, f, known); name != "" {
				names = append(names, name)
			}
		}
		break
	}
	return names
}

// Preferring returns the codecs of all with those named first, in that order.
func Preferring(all []sdp.Codec, names []string) []sdp.Codec {
	out := make([]sdp.Codec, 0, len(all))
	for _, name := range names {
		for _, c := range all {
			if c.Name == name {
				out = append(out, c)
			}
		}
	}
	for _, c := range all {
		if !contains(out, c.Name) {
			out = append(out, c)
		}
	}
	return out
}

func contains(cs []sdp.Codec, name string) bool {
	for _, c := range cs {
		if c.Name == name {
			return true
		}
	}
	return false
}

// progress tells the caller that the other side is being alerted, or sends audio.
func (l *Leg) progress(ev call.Progress) {
	if !ev.Early || l.offer == nil {
		l.session.Progress(180, nil, false)
		return
	}
	if l.ourAnswer(ev.Codec, ev.Video) {
		l.session.Progress(183, l.answer, l.reliable)
	}
}

func (l *Leg) accept(ev call.Answered) {
	if l.offer == nil { // late offer: ours goes into the 200, the answer comes with the ACK
		var err error
		l.setVideo(ev.Video)
		if l.answer, err = l.media.Offer(); err != nil {
			l.hangup(call.Ended{Cause: call.Congestion, Text: err.Error()})
			return
		}
	} else if !l.ourAnswer(ev.Codec, ev.Video) {
		return
	}
	l.accepted = true
	l.session.Accept(l.answer)
	l.wentUp()
}

// ourAnswer makes the answer once: the 183 and the 200 carry the same one.
func (l *Leg) ourAnswer(codec string, video call.Video) bool {
	if l.answer != nil {
		return true
	}
	var err error
	l.setVideo(video)
	if l.answer, err = l.media.AnswerTo(l.offer, codec); err != nil {
		l.hangup(mediaRefusal(err))
		return false
	}
	return true
}

// mediaRefusal says why no answer could be made.
func mediaRefusal(err error) call.Ended {
	if errors.Is(err, transport.ErrNoPorts) {
		return call.Ended{Cause: call.Congestion, Text: err.Error()}
	}
	return call.Ended{Cause: call.MediaFailed, Text: err.Error()}
}

func (l *Leg) provisional(ev dialog.Provisional) {
	if l.end != nil || ev.Status < 180 {
		return
	}
	heard := false
	if ev.SDP != nil && (!l.early || ev.Tag != l.fork || ev.Status == 183) {
		if err := l.media.SetAnswer(ev.SDP); err != nil {
			l.log.Warn("early media cannot be used", "err", err)
		} else {
			heard, l.early, l.fork = true, true, ev.Tag
		}
	}
	switch {
	case heard:
		l.emit(call.Progress{Early: true, Codec: l.codec(), Video: l.video()})
	case ev.Status != 183: // a 183 without description says nothing a caller could hear
		l.emit(call.Progress{})
	}
}

func (l *Leg) theyAnswered(ev dialog.Answered) {
	if l.end != nil { // the answer crossed our CANCEL; the session hangs up
		return
	}
	l.answered = true
	l.wentUp()
	if ev.SDP != nil {
		if err := l.media.SetAnswer(ev.SDP); err != nil {
			l.hangup(mediaRefusal(err))
			return
		}
	}
	l.emit(call.Answered{Codec: l.codec(), Video: l.video()})
}

func (l *Leg) codec() string {
	agreed := l.media.Agreed()
	if a := agreed.Audio(); a != nil {
		return a.Send.Name
	}
	return ""
}

// setAnswer takes the answer to an offer of ours; without one there is no sound.
func (l *Leg) setAnswer(answer []byte) {
	if err := l.media.SetAnswer(answer); err != nil {
		l.hangup(mediaRefusal(err))
	}
}

// theirOffer answers a re-INVITE or UPDATE: hold, resume, a new address, or the
// very same description once more (GV-C24).
func (l *Leg) theirOffer(ev dialog.Offer) {
	var answer []byte
	var err error
	if ev.SDP == nil {
		answer, err = l.media.Offer()
	} else {
		answer, err = l.media.AnswerTo(ev.SDP, l.codec())
	}
	if err != nil {
		status := 488
		var e *sdp.Error
		if errors.As(err, &e) {
			status = e.Status
		}
		l.log.Info("offer refused", "status", status, "err", err)
		l.session.RejectOffer(status)
		return
	}
	if l.incoming && !l.accepted {
		l.answer = bytes.Clone(answer)
	}
	l.session.AnswerOffer(answer)
	l.log.Info("media changed", "path", l.media.String())
}

func (l *Leg) sendDigit(ev call.Digit) {
	err := l.media.SendDigit(ev.Key, ev.Hold)
	if err == nil || l.opt.DigitType == "" {
		if err != nil {
			l.log.Warn("a key could not be sent", "err", err)
		}
		return
	}
	body, err := dtmf.AppendInfo(nil, l.opt.DigitType, dtmf.Digit{Key: ev.Key, Duration: ev.Hold})
	if err != nil {
		l.log.Warn("a key could not be sent", "err", err)
		return
	}
	l.session.Info(l.opt.DigitType, body)
}

func (l *Leg) theirInfo(ev dialog.Info) {
	if wantsPicture(ev.ContentType, ev.Body) {
		l.media.KeyframeRequested()
		return
	}
	d, err := dtmf.ParseInfo(ev.ContentType, ev.Body)
	if err != nil {
		l.log.Debug("INFO without a key", "type", ev.ContentType, "err", err)
		return
	}
	l.emit(call.Digit{Key: d.Key, Hold: d.Duration})
}

// codecName is the name of one of an offer's formats if it is among known.
func codecName(m *sdp.Media, format string, known []sdp.Codec) string {
	name := staticNames[format]
	for _, a := range m.Attributes {
		if a.Name != "rtpmap" {
			continue
		}
		if pt, enc, _ := strings.Cut(a.Value, " "); pt == format {
			name, _, _ = cut(strings.TrimSpace(enc))
		}
	}
	if contains(known, name) {
		return name
	}
	return ""
}

// staticNames are the payload types that need no rtpmap (RFC 3551 §6).
var staticNames = map[string]string{"0": "PCMU", "8": "PCMA", "9": "G722"}

// cut returns the upper-case encoding name of "PCMU/8000".
func cut(enc string) (name, rest string, ok bool) {
	name, rest, ok = strings.Cut(enc, "/")
	return strings.ToUpper(name), rest, ok
}
