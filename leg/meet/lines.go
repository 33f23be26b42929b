package meet

import "fmt"

// lines are the streams of a session: the sections of its offer, in their order. A
// telephone's are the first of a room's, so that it can become one. They never change; a
// session takes others.
type lines struct {
	plan    plan
	sources []*source
	sinks   []*sink
}

// newLines are lines for a room or a telephone, beginning with those of before.
func newLines(s *Session, c Config, video bool, before *lines) *lines {
	l := &lines{plan: newPlan(c.Audios, c.Videos, video), sources: before.sources[:len(before.sources):len(before.sources)], sinks: before.sinks[:len(before.sinks):len(before.sinks)]}
	voices, cameras := 0, 0
	for i, r := range l.plan {
		if i < len(before.plan) {
			continue
		}
		switch r {
		case audioUp, contentUp:
			l.sinks = append(l.sinks, newSink(s, r, 0, fmt.Sprint(i)))
		case cameraUp:
			for layer := range rids {
				l.sinks = append(l.sinks, newSink(s, r, layer, fmt.Sprint(i)))
			}
		case audioDown:
			l.sources = append(l.sources, newSource(s, r, voices))
			voices++
		case videoDown, contentDown:
			l.sources = append(l.sources, newSource(s, r, cameras))
			cameras++
		}
	}
	return l
}

// offer fills in what an offer says of the lines.
func (l *lines) offer(o offer) offer {
	o.plan, o.audio = l.plan, l.sinks[0].ssrc
	if k := l.sinks[len(l.sinks)-1]; k.role == contentUp {
		o.content, o.rtx = k.ssrc, k.rtx
	}
	return o
}

// voice is the sink of our voice, which every session has.
func (s *Session) voice() *sink { return s.lines.Load().sinks[0] }

// hear receives what an answer says will be sent. in is held.
func (s *Session) hear(l *lines, a *answer) {
	s.streams = map[uint32]stream{}
	n := 0
	for i, r := range l.plan {
		if r != audioDown && r != videoDown && r != contentDown {
			continue
		}
		src, sec := l.sources[n], &a.sections[i]
		n++
		src.ssrc, src.rtx = 0, 0
		if !sec.sends() {
			continue
		}
		src.ssrc, src.rtx = sec.ssrc, sec.rtx
		s.streams[sec.ssrc] = stream{source: src}
		if sec.rtx != 0 {
			s.streams[sec.rtx] = stream{src, true}
		}
	}
}

// speak notes what an answer takes of our pictures. out is held.
func (s *Session) speak(l *lines, a *answer) {
	s.takesCamera, s.takesContent = false, false
	for i, r := range l.plan {
		s.takesCamera = s.takesCamera || r == cameraUp && a.sections[i].takes()
		s.takesContent = s.takesContent || r == contentUp && a.sections[i].takes()
	}
}

// extend makes lines with more in them the session's, as they were answered.
func (s *Session) extend(to *lines, a *answer) {
	s.in.Lock()
	s.hear(to, a)
	s.in.Unlock()
	s.out.Lock()
	s.speak(to, a)
	s.lines.Store(to)
	s.out.Unlock()
	s.tellChanged()
}

// Pictures asks for pictures both ways in a session that has none, being a telephone's:
// the caller has a camera after all. It does not wait; new sources and sinks are told by
// Changed. When the host of the meeting wants no video, everything stays as it is.
func (s *Session) Pictures() {
	if l := s.lines.Load(); l.sinks[len(l.sinks)-1].role != contentUp {
		s.asks(needPictures{})
	}
}
