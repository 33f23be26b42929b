package meet

import (
	"context"
	"errors"
	"time"

	"tandem/call"
	"tandem/media"
)

// hear takes one message of a data channel.
func (l *Leg) hear(m heard) {
	if m.link != l.link || l.phase == showing || l.phase == over {
		return
	}
	l.edge.trace.channel(false, m.label, m.text)
	v, err := parseMessage(m.text)
	if err != nil {
		l.log.Warn("message of the meeting service passed over", "channel", m.label, "err", err)
		return
	}
	l.log.Debug("meeting message", "channel", m.label, "octets", len(m.text))
	if v.Response != nil {
		l.responded(m.label, v.Response)
	}
	now := time.Now()
	if l.roster.apply(v, now) {
		l.tellRoster()
	}
	link := l.link
	for i := range v.Resources {
		l.take(m.label, &v.Resources[i], now)
		if l.phase == over || l.link != link {
			return
		}
	}
}

// take acts on one resource; what is only shown is the roster's.
func (l *Leg) take(label string, r *resource, now time.Time) {
	switch {
	case r.SessionStatus != nil && label == chControl:
		l.sessionStatus(r.SessionStatus, now)
	case r.RemoteMute != nil && label == chControl:
		l.muted.AudioMuted = l.muted.AudioMuted || r.RemoteMute.AudioMuted
		l.session.setMuted(l.muted)
	case r.Configuration != nil && label == chStats:
		l.configured(r.Configuration, now)
	case r.Content != nil && label == chContent:
		l.presented(r.Content)
	}
}

func (l *Leg) sessionStatus(s *sessionStatus, now time.Time) {
	switch s.ConnectionState {
	case stateWaiting:
		l.lobby(s, now)
	case stateJoined:
		l.joined(now)
	case stateDisconnected:
		l.disconnected(s)
	}
}

// lobby shows that somebody has to admit us. Until is our own limit.
func (l *Leg) lobby(s *sessionStatus, now time.Time) {
	if l.phase != connecting && l.phase != waiting {
		return
	}
	l.due.clear(dueConnect)
	if l.phase == connecting {
		l.enter(waiting)
	}
	l.inFront(now)
	notice := ""
	if s.Lobby != nil && !s.Lobby.CanBeAdmitted {
		notice = "Nobody is in the meeting yet who can let you in."
	}
	l.session.setRoster(func(r *media.Roster) {
		if r.Stage != media.Waiting {
			r.Stage, r.Since, r.Until = media.Waiting, now, l.until
		}
		r.Notice = notice
	})
}

// inFront begins the caller's own time in front of the door.
func (l *Leg) inFront(now time.Time) {
	if l.lobbied {
		return
	}
	l.lobbied, l.until = true, now.Add(l.conf.Lobby)
	l.due.set(dueLobby, l.until.Add(lobbySlip))
	l.c.knocked()
	l.emit(call.Progress{Early: true, Lobby: true, Codec: "OPUS", Video: l.pictures()})
}

// joined is the moment in which the call is up.
func (l *Leg) joined(now time.Time) {
	if l.phase != connecting && l.phase != waiting {
		return
	}
	l.enter(inside)
	l.due.clear(dueConnect)
	l.due.clear(dueLobby)
	l.admitted = true
	l.c.joined("joined")
	l.session.setRoster(func(r *media.Roster) {
		r.Stage, r.Since, r.Until, r.Notice = media.Joined, now, time.Time{}, ""
	})
	l.session.goLive(true)
	l.views.again()
	l.assign(now)
	l.emit(call.Answered{Codec: "OPUS", Video: l.pictures()})
	if l.needy {
		l.grow()
	}
}

// pictures says whether the caller can have pictures, at once or later.
func (l *Leg) pictures() call.Video {
	if l.blind {
		return call.Video{None: true}
	}
	return call.Video{Layers: len(rids)}
}

// tellRoster shows who is there now.
func (l *Leg) tellRoster() {
	people, chat, signs := l.roster.list(), append([]media.ChatLine(nil), l.roster.chat...), l.roster.signs
	l.session.setRoster(func(r *media.Roster) {
		r.People, r.Chat = people, chat
		r.Recording, r.Streaming, r.Transcribing, r.AI = signs.Recording, signs.Streaming, signs.Transcription, signs.Notes
	})
}

// responded takes the answer to a request of ours.
func (l *Leg) responded(label string, r *response) {
	bad := r.Status.Code != codeOK
	if bad {
		l.log.Warn("meeting service refused a request", "channel", label, "request", r.RequestID, "code", r.Status.Code, "message", oneLine(r.Status.Message, maxText))
	}
	switch {
	case bad && label == chAssignment && r.RequestID == l.asking && (r.Status.Code == codeResourceExhausted || r.Status.Code == codeFailedPrecondition):
		l.views.again()
		l.due.set(dueAssign, time.Now().Add(assignEvery))
	case bad && label == chContent && r.RequestID == l.starting:
		l.session.mayPresent(false)
	case bad && label == chChat && r.Status.Code == codePermissionDenied:
		l.roster.addLine(media.ChatLine{Text: "The host has turned off the chat.", At: time.Now()})
		l.tellRoster()
	}
}

// wish carries out what the session asks for.
func (l *Leg) wish(what any) {
	switch v := what.(type) {
	case showViews:
		l.assign(time.Now())
	case setMute:
		l.muted = mediaState{v.audio, v.video}
		l.session.setMuted(l.muted)
		l.tellMuted()
	case sayText:
		l.say(v.text)
	case present:
		l.present(v.on)
	case needPictures:
		l.grow()
	}
}

func (l *Leg) tellMuted() {
	if !l.open || l.phase == leaving {
		return
	}
	m := l.muted
	l.ask(chControl, request{State: &m})
}

// ask sends a request whose failure the channel's end will tell, too.
func (l *Leg) ask(label string, r request) int64 {
	id, err := l.link.request(label, r)
	if err != nil {
		l.log.Warn("request not sent", "channel", label, "err", err)
	}
	return id
}

// assign asks for the pictures the layout has room for, when it may.
func (l *Leg) assign(now time.Time) {
	l.views.show(l.session.wanted())
	if l.phase != inside || !l.open || !l.link.has(chAssignment) {
		return
	}
	set, wait := l.views.next(now)
	if wait > 0 {
		l.due.set(dueAssign, now.Add(wait))
	}
	if set != nil {
		l.asking = l.ask(chAssignment, request{Set: set})
	}
}

// say sends a line to the chat, and shows it among the others: ours are not echoed.
func (l *Leg) say(text string) {
	text = oneLine(text, maxChatText)
	if l.phase != inside || text == "" || l.ask(chChat, request{Send: &sendChat{text}}) == 0 {
		return
	}
	l.roster.addLine(media.ChatLine{From: l.name, Text: text, At: time.Now()})
	l.tellRoster()
}

// present begins or ends our presentation.
func (l *Leg) present(on bool) {
	switch {
	case l.phase != inside || !l.link.has(chContent):
	case on:
		l.starting = l.ask(chContent, request{Start: &startContent{l.name}})
	default:
		l.ask(chContent, request{Stop: &struct{}{}})
	}
}

func (l *Leg) presented(c *content) { l.session.mayPresent(c.State == contentStarted && c.Own) }

// configured begins the uploads of statistics.
func (l *Leg) configured(c *configuration, now time.Time) {
	l.stats = c
	l.due.clear(dueStats)
	if c.Seconds > 0 {
		l.due.set(dueStats, now.Add(l.statsEvery()/2))
	}
}

// statsEvery is within what a service can sensibly ask for.
func (l *Leg) statsEvery() time.Duration {
	return time.Duration(min(max(l.stats.Seconds, 1), 3600)) * time.Second
}

func (l *Leg) upload(now time.Time) {
	if l.stats == nil || !l.open || l.phase == leaving {
		return
	}
	l.due.set(dueStats, now.Add(l.statsEvery()))
	l.ask(chStats, request{Stats: &uploadStats{l.stats.sections(l.session.figures())}})
}

// pathChanged mends a path that broke, by an ICE restart (contract, 2.4).
func (l *Leg) pathChanged(c pathCondition) {
	if l.phase != waiting && l.phase != inside && l.phase != connecting {
		return
	}
	switch {
	case c == pathUp:
		if !l.broken.IsZero() {
			l.log.Info("path to the meeting mended", "after", time.Since(l.broken), "path", l.session.String())
		}
		l.broken = time.Time{}
		l.due.clear(dueRestart)
		l.due.clear(dueBroken)
		if l.needy {
			l.grow()
		}
	case l.phase == connecting:
	case l.broken.IsZero():
		l.broken = time.Now()
		l.log.Warn("path to the meeting broke; ICE restart")
		l.due.set(dueBroken, l.broken.Add(mendFor))
		l.restart()
	}
}

const (
	mendFor    = 20 * time.Second // the service forgets us 30 s after the last check
	mendAgain  = 6 * time.Second
	mendSooner = 2 * time.Second // after a failed request
)

func (l *Leg) restart() {
	if l.renewing || l.broken.IsZero() {
		return
	}
	l.renewing = true
	l.offer.version++
	l.offer.ufrag, l.offer.password = credentials()
	link, text, ufrag, password, device := l.link, l.offer.String(), l.offer.ufrag, l.offer.password, l.answer.Device
	ctx, cancel := context.WithTimeout(l.ctx, askTimeout)
	l.work.Go(func() {
		defer cancel()
		a, err := l.edge.restart(ctx, device, text)
		l.box.Post(restartDone{link, ufrag, password, a, err})
	})
}

func (l *Leg) restartDone(v restartDone) {
	l.renewing = false
	if l.needy {
		defer l.grow()
	}
	if l.broken.IsZero() && v.err != nil || l.phase != inside && l.phase != waiting {
		return
	}
	err := v.err
	var a *answer
	if err == nil {
		a, err = parseAnswer(v.answer, l.session.lines.Load().plan)
	}
	if err == nil {
		err = l.link.restart(v.ufrag, v.password, a)
	}
	if no := (*Refusal)(nil); errors.As(err, &no) && no.Reason == "DEVICE_NOT_FOUND" {
		l.lost(call.Ended{Cause: call.NetworkFailure, Text: err.Error()})
		return
	}
	again := mendAgain
	if err != nil {
		l.log.Warn("ICE restart failed", "err", err)
		again = mendSooner
	}
	l.due.set(dueRestart, time.Now().Add(again))
}
