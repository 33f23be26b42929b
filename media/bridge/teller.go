package bridge

import (
	"time"

	"tandem/media"
	"tandem/media/prompt"
)

const (
	againAfter = 25 * time.Second // in the lobby, the sentence is repeated
	aloneAfter = 5 * time.Second  // before then others may just be on their way
)

// teller says with words what changes in a meeting, for those who have no screen or do
// not look at it. It has no clock.
type teller struct {
	stage     media.Stage
	began     bool
	until     time.Time // when the stage before ends by itself
	said      time.Time // Waiting: the last time
	empty     time.Time // since when nobody else is there; zero: somebody is
	told      bool      // that nobody is
	recording bool
}

// next is what is to be said now, "" for nothing.
func (t *teller) next(now time.Time, r *media.Roster) prompt.Name {
	before, changed := t.stage, !t.began || t.stage != r.Stage
	t.stage, t.began = r.Stage, true
	if changed {
		t.said, t.empty, t.told = now, time.Time{}, false
	}
	late := !t.until.IsZero() && !now.Before(t.until.Add(-time.Second))
	t.until = r.Until
	switch {
	case r.Stage == media.Joined:
		return t.joined(now, r, changed && before == media.Waiting)
	case r.Stage == media.Waiting && (changed || now.Sub(t.said) >= againAfter):
		t.said = now
		return prompt.Waiting
	case !changed:
	case r.Stage == media.Refused && before == media.Waiting && late:
		return prompt.Unanswered
	case r.Stage == media.Refused:
		return prompt.Refused
	case r.Stage == media.Finished:
		return prompt.Ended
	}
	return ""
}

func (t *teller) joined(now time.Time, r *media.Roster, admitted bool) prompt.Name {
	recording := r.Recording && !t.recording
	t.recording = r.Recording
	if len(r.People) > 0 {
		t.empty, t.told = time.Time{}, false
	} else if t.empty.IsZero() {
		t.empty = now
	}
	switch {
	case admitted:
		t.recording = false // said next
		return prompt.Admitted
	case recording:
		return prompt.Recording
	case !t.empty.IsZero() && !t.told && now.Sub(t.empty) >= aloneAfter:
		t.told = true
		return prompt.Alone
	}
	return ""
}
