package meet

import (
	"context"
	"errors"
	"time"

	"tandem/call"
	"tandem/media"
)

// answerTimeout is how long the data channel has to answer our leave.
const answerTimeout = time.Second

// hangup ends the call from our side. The first reason counts.
func (l *Leg) hangup(end call.Ended) {
	if l.end == nil {
		l.end = &end
	}
	switch l.phase {
	case leaving, over:
		return
	case showing:
		l.enter(over)
		return
	}
	was := l.phase
	l.enter(leaving)
	l.due.clearAll()
	l.due.set(dueLeave, time.Now().Add(leaveTimeout))
	l.session.goLive(false)
	if l.stop != nil {
		l.stop() // the answer to the joining call is waited for, so that no ghost of ours stays
	}
	switch {
	case was == joining:
	case was == pausing:
		l.enter(over)
	case l.open:
		if _, err := l.link.request(chControl, request{Leave: &struct{}{}}); err != nil {
			l.leaveOverHTTPS()
			return
		}
		l.due.set(dueAnswer, time.Now().Add(answerTimeout))
	default:
		l.leaveOverHTTPS()
	}
}

// leaveOverHTTPS tells the service when the data channels cannot (contract, 2.5).
func (l *Leg) leaveOverHTTPS() {
	device := l.answer.Device
	if !l.seated || !isDevice(device) {
		l.enter(over)
		return
	}
	if l.due[dueLeave].IsZero() {
		l.due.set(dueLeave, time.Now().Add(leaveTimeout))
	}
	ctx, cancel := context.WithDeadline(l.ctx, l.due[dueLeave])
	l.work.Go(func() {
		defer cancel()
		reason, err := l.edge.leave(ctx, device)
		l.box.Post(leftDone{reason, err})
	})
}

// leftDone ends the call: the service knows. It may know more than we do: why it had
// ended the device before we could hear of it.
func (l *Leg) leftDone(v leftDone) {
	if l.phase != leaving {
		return
	}
	l.seated = false
	why, known := disconnects[v.reason]
	text := oneLine(v.reason, 60)
	if no := (*Refusal)(nil); errors.As(v.err, &no) && no.verdict().alarm {
		why, known, text = no.verdict(), true, no.Error()
	}
	if !l.silent || !known || v.reason == reasonClientLeft {
		l.enter(over)
		return
	}
	l.end = &call.Ended{Cause: why.cause, Text: text}
	l.log.Info("meeting had ended the call", "cause", why.cause, "reason", l.end.Text)
	if why.alarm {
		l.c.tokenAlarm(l.edge.access.Name, l.end.Text)
	}
	l.show(or(why.says, why.cause.Sentence()))
}

// failed ends the call because of what the service, or the network, did. Somebody
// who has seen the lobby is shown why.
func (l *Leg) failed(end call.Ended, err error) {
	if l.end == nil {
		l.end = &end
	}
	if l.phase == leaving || l.phase == over {
		l.enter(over)
		return
	}
	notice := end.Cause.Sentence()
	if no := (*Refusal)(nil); errors.As(err, &no) && no.verdict().says != "" {
		notice = no.verdict().says
	}
	l.log.Warn("meeting refused", "cause", end.Cause, "text", end.Text, "phase", l.phase)
	l.show(notice)
}

// show shows why there is no meeting, to those who see the screen already.
func (l *Leg) show(notice string) {
	l.due.clearAll()
	l.session.detach()
	stage := media.Refused
	if l.admitted {
		stage = media.Finished
	}
	now := time.Now()
	l.session.setRoster(func(r *media.Roster) {
		r.Stage, r.Since, r.Until, r.Notice = stage, now, time.Time{}, notice
	})
	if !l.lobbied || l.admitted {
		l.enter(over)
		return
	}
	l.dropLink()
	l.enter(showing)
	l.due.set(dueNotice, now.Add(l.conf.Notice))
}

// showThenLeave is show, for a link that has just been told that we leave: it is
// closed when the service has answered, or when the notice is over.
func (l *Leg) showThenLeave() {
	notice := l.end.Cause.Sentence()
	now := time.Now()
	l.due.clearAll()
	l.session.goLive(false)
	l.session.setRoster(func(r *media.Roster) {
		r.Stage, r.Since, r.Until, r.Notice = media.Refused, now, time.Time{}, notice
	})
	if device := l.answer.Device; !l.open && l.seated && isDevice(device) {
		ctx, cancel := context.WithTimeout(l.ctx, leaveTimeout)
		l.work.Go(func() {
			defer cancel()
			_, _ = l.edge.leave(ctx, device)
		})
	}
	l.seated = false
	l.enter(showing)
	l.due.set(dueNotice, now.Add(l.conf.Notice))
}

// disconnected ends what the service has ended, or knocks again.
func (l *Leg) disconnected(s *sessionStatus) {
	l.seated = false
	if l.phase == leaving {
		l.enter(over)
		return
	}
	v := disconnectOf(s.DisconnectReason)
	text := oneLine(s.DisconnectReason, 60)
	if s.DisconnectMessage != "" {
		text += ": " + oneLine(s.DisconnectMessage, maxText)
	}
	if s.DisconnectReason == reasonKnockTimeout && l.pause() {
		return
	}
	if v.alarm {
		l.c.tokenAlarm(l.edge.access.Name, text)
	}
	end := call.Ended{Cause: v.cause, Text: text}
	if l.end == nil {
		l.end = &end
	}
	l.log.Info("meeting ended the call", "cause", v.cause, "text", text)
	l.show(or(v.says, v.cause.Sentence()))
}

// pause waits for the time to knock again: the service's limit is over, ours is not. It
// is false when there is no time left for another knock.
func (l *Leg) pause() bool {
	now := time.Now()
	l.inFront(l.asked) // the service's limit may be over before we hear of the lobby
	l.knocks.ended(now, time.Duration(l.answer.LobbyTimeout))
	at, ok := l.knocks.next(now, l.until)
	if !ok {
		return false
	}
	l.dropLink()
	l.pauseUntil(at)
	return true
}

// pauseUntil keeps the caller in front of the door until then.
func (l *Leg) pauseUntil(at time.Time) {
	l.log.Info("nobody answered the knock; knocking again", "at", at, "until", l.until)
	l.enter(pausing)
	l.due.clear(dueConnect)
	l.due.set(dueKnock, at)
	l.session.setRoster(func(r *media.Roster) {
		if r.Stage != media.Waiting {
			r.Stage, r.Since, r.Until = media.Waiting, time.Now(), l.until
		}
		r.Notice = "Nobody has answered yet. You are announced again in a moment."
	})
}

// knockAgain joins once more under the same name.
func (l *Leg) knockAgain() {
	l.enter(joining)
	l.join()
}

// refusedToJoin ends the call, or knocks later: a service that was asked too often says
// when it may be asked again.
func (l *Leg) refusedToJoin(err error) {
	no := (*Refusal)(nil)
	if errors.As(err, &no) && l.lobbied && no.Reason == reasonTooManyKnocks && no.Retry > 0 {
		if at := time.Now().Add(no.Retry); l.until.Sub(at) >= minKnock {
			l.dropLink()
			l.pauseUntil(at)
			return
		}
	}
	if no != nil && no.Reason == reasonVideoLocked && l.mayBeTelephone() {
		l.log.Info("no video is wanted; joining as a telephone")
		loop := l.session.loop
		l.dropLink()
		l.session.close()
		l.be(loop, false)
		l.blind = true
		l.join()
		return
	}
	l.failed(ended(err), err)
}

// mayBeTelephone reports whether it is only a guess that the caller has a picture, since
// it called without an offer, and nobody has used the session yet.
func (l *Leg) mayBeTelephone() bool { return l.video && len(l.from.Videos) == 0 && !l.lobbied }

// linkLost ends the call: the transport is gone without a word.
func (l *Leg) linkLost(err error) {
	l.drainHeard() // the word may only not be read yet
	switch l.phase {
	case over, showing:
		return
	case leaving:
		l.enter(over)
		return
	}
	l.open = false
	end := call.Ended{Cause: call.NetworkFailure, Text: err.Error()}
	if l.phase == connecting && !l.lobbied {
		end.Cause = call.MediaFailed
	}
	l.log.Warn("connection to the meeting lost", "err", err)
	l.lost(end)
}

// lost ends a call whose transport is dead: the service is told over HTTPS.
func (l *Leg) lost(end call.Ended) {
	l.end, l.silent = &end, true
	l.session.detach()
	l.enter(leaving)
	l.due.clearAll()
	l.leaveOverHTTPS()
}

func (l *Leg) drainHeard() {
	for {
		select {
		case m := <-l.heard:
			l.hear(m)
		default:
			return
		}
	}
}

// dropLink closes the transport, if there is one, and waits for it.
func (l *Leg) dropLink() {
	if l.link == nil {
		return
	}
	l.session.detach()
	l.link.close()
	l.link, l.open = nil, false
	l.renewing, l.broken = false, time.Time{}
	for len(l.heard) > 0 {
		<-l.heard
	}
}
