package compose

import "slices"

// seats decides who is seen where. People keep their places as long as they can: a
// picture in which everybody moves whenever somebody coughs cannot be watched.
type seats struct {
	taken []string // participants by place
	spoke []string // those who had the floor, the latest last
}

// maxSpoke bounds what is remembered.
const maxSpoke = 64

// seat places the candidates, of whom the first are the most relevant, and returns
// them by place. speaker gets a large place when there is one, and else any.
func (s *seats) seat(candidates []string, speaker string, places, mains int) []string {
	s.note(speaker)
	places = min(places, len(candidates))
	kept := s.taken[:0]
	for _, id := range s.taken {
		if slices.Contains(candidates, id) && len(kept) < places {
			kept = append(kept, id)
		}
	}
	for _, id := range candidates {
		if len(kept) == places {
			break
		}
		if !slices.Contains(kept, id) {
			kept = append(kept, id)
		}
	}
	s.taken = kept
	if places > 0 && slices.Contains(candidates, speaker) {
		s.raise(speaker, mains)
	}
	return s.taken
}

// note remembers who spoke in which order.
func (s *seats) note(speaker string) {
	if speaker == "" || len(s.spoke) > 0 && s.spoke[len(s.spoke)-1] == speaker {
		return
	}
	s.spoke = slices.DeleteFunc(s.spoke, func(id string) bool { return id == speaker })
	if len(s.spoke) == maxSpoke {
		s.spoke = slices.Delete(s.spoke, 0, 1)
	}
	s.spoke = append(s.spoke, speaker)
}

// raise brings the speaker to a large place, and who had it to the speaker's.
func (s *seats) raise(speaker string, mains int) {
	at := slices.Index(s.taken, speaker)
	switch {
	case at >= 0 && (mains == 0 || at < mains):
		return // everybody sees it well
	case at < 0:
		at = s.quietest(mains)
		s.taken[at] = speaker
	}
	if mains == 0 || at < mains {
		return
	}
	// Of two large places the one of who spoke longest ago changes hands.
	main := 0
	for i := 1; i < min(mains, len(s.taken)); i++ {
		if s.rank(s.taken[i]) < s.rank(s.taken[main]) {
			main = i
		}
	}
	s.taken[main], s.taken[at] = s.taken[at], s.taken[main]
}

// quietest is the place of who spoke longest ago, of the small ones when there are any.
func (s *seats) quietest(mains int) int {
	from := min(mains, len(s.taken)-1)
	best := from
	for i := from; i < len(s.taken); i++ {
		if s.rank(s.taken[i]) <= s.rank(s.taken[best]) {
			best = i
		}
	}
	return best
}

// rank is higher the later somebody spoke, and -1 for who never did.
func (s *seats) rank(id string) int { return slices.Index(s.spoke, id) }
