package meet

import (
	"slices"

	"tandem/media"
)

// Roster implements [media.Meeting].
func (s *Session) Roster() media.Roster {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.roster
}

// setRoster changes the roster and tells it. f must replace slices, not change them.
func (s *Session) setRoster(f func(*media.Roster)) {
	s.mu.Lock()
	f(&s.roster)
	s.mu.Unlock()
	s.tellChanged()
}

func (s *Session) tellChanged() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// Show implements [media.Meeting].
func (s *Session) Show(views []media.View) {
	s.mu.Lock()
	same := slices.Equal(views, s.views)
	s.views = slices.Clone(views)
	s.mu.Unlock()
	if !same {
		s.asks(showViews{})
	}
}

func (s *Session) wanted() []media.View {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.views
}

// Mute implements [media.Meeting]. What is muted is not sent at all.
func (s *Session) Mute(audio, video bool) { s.asks(setMute{audio, video}) }

// setMuted notes what is muted, by us or by a host.
func (s *Session) setMuted(m mediaState) {
	s.out.Lock()
	was := s.muted
	s.muted = m
	s.out.Unlock()
	if was.VideoMuted && !m.VideoMuted {
		s.goLiveAgain()
	}
	s.setRoster(func(r *media.Roster) { r.OwnAudioMuted, r.OwnVideoMuted = m.AudioMuted, m.VideoMuted })
}

// goLiveAgain asks for new pictures after a pause.
func (s *Session) goLiveAgain() {
	s.out.Lock()
	defer s.out.Unlock()
	s.wantPictures(&s.camera)
}

// Say sends a line to the meeting's chat; it is dropped when the host has turned
// the chat off, or before we are in the meeting. It does not wait.
func (s *Session) Say(text string) { s.asks(sayText{text}) }

// mayPresent takes over whether the service takes our content.
func (s *Session) mayPresent(own bool) {
	s.out.Lock()
	defer s.out.Unlock()
	if !own && !s.show.on {
		s.show.refused()
		return
	}
	if own && !s.show.on {
		s.wantPictures(&s.slides)
	}
	s.show.told(own)
}

// setSpace notes which meeting it is.
func (s *Session) setSpace(space Space) {
	s.mu.Lock()
	s.name = space.Name
	s.mu.Unlock()
	s.setRoster(func(r *media.Roster) { r.Title = space.Title })
}

func (s *Session) spaceName() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.name
}
