package meet

import (
	"time"

	"tandem/call"
)

// deadlines are the timers of a leg; zero ones are not set.
type deadlines [dueCount]time.Time

type due uint8

const (
	dueConnect due = iota // the transport, or the first word of the service
	dueLobby              // our own limit
	dueKnock              // it is time to knock again
	dueNotice             // a refusal was shown long enough
	dueAnswer             // the service does not answer our leave
	dueLeave              // it was told, or not
	dueAssign             // the next change of the assignment may go
	dueStats              // the next upload
	dueRestart            // the next attempt to mend the path
	dueBroken             // the path cannot be mended
	dueCount
)

func (d *deadlines) set(what due, at time.Time) { d[what] = at }
func (d *deadlines) clear(what due)             { d[what] = time.Time{} }
func (d *deadlines) clearAll()                  { *d = deadlines{} }

// wait is how long until the earliest one.
func (d *deadlines) wait(now time.Time) (time.Duration, bool) {
	var first time.Time
	for _, at := range d {
		if !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return max(first.Sub(now), 0), !first.IsZero()
}

// expire does what is due.
func (l *Leg) expire(now time.Time) {
	for what := range dueCount {
		if at := l.due[what]; at.IsZero() || now.Before(at) {
			continue
		}
		l.due.clear(what)
		switch what {
		case dueConnect:
			l.lost(call.Ended{Cause: call.MediaFailed, Text: "the connection to the meeting could not be made in time"})
		case dueLobby:
			l.hangupAfterLobby()
		case dueKnock:
			l.knockAgain()
		case dueAnswer:
			l.leaveOverHTTPS()
		case dueNotice, dueLeave:
			l.enter(over)
		case dueAssign:
			l.assign(now)
		case dueStats:
			l.upload(now)
		case dueRestart:
			l.restart()
		case dueBroken:
			l.lost(call.Ended{Cause: call.NetworkFailure, Text: "the path to the meeting broke and could not be mended"})
		}
		if l.phase == over {
			return
		}
	}
}

// hangupAfterLobby ends a wait that is over by our own limit. The service is told
// while the caller reads why.
func (l *Leg) hangupAfterLobby() {
	if l.open {
		_, _ = l.link.request(chControl, request{Leave: &struct{}{}})
	}
	l.end = &call.Ended{Cause: call.LobbyTimeout, Text: "nobody admitted the caller within " + l.conf.Lobby.String()}
	l.log.Info("nobody admitted the caller", "within", l.conf.Lobby)
	l.showThenLeave()
}
