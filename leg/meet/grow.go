package meet

import (
	"context"
	"errors"
	"time"

	"tandem/media"
)

// grown is the service's answer to a telephone that becomes a room.
type grown struct {
	link   *link
	lines  *lines
	offer  offer
	name   string
	answer string
	err    error
}

// grow makes a telephone a room: its caller has added a camera. The sections of the
// pictures are offered behind those that are there (contract, 2.4). When it cannot be done
// now it is as soon as it can.
func (l *Leg) grow() {
	l.needy = l.needy || !l.video && !l.blind
	if !l.needy || l.phase != inside && l.phase != waiting || !l.open || l.renewing || !l.broken.IsZero() {
		return
	}
	l.renewing = true
	to := newLines(l.session, l.conf, true, l.session.lines.Load())
	o := to.offer(l.offer)
	o.version++
	name := displayName(l.from.FromName, l.from.From, false)
	link, device := l.link, l.answer.Device
	req := joinRequest{Offer: o.String(), DisplayName: name, Kind: kindRoom}
	ctx, cancel := context.WithTimeout(l.ctx, l.conf.Join)
	l.work.Go(func() {
		defer cancel()
		text, err := l.edge.update(ctx, device, req)
		l.box.Post(grown{link, to, o, name, text, err})
	})
}

// grown goes on with the pictures, or without.
func (l *Leg) grown(v grown) {
	l.renewing, l.needy = false, false
	a, err := (*answer)(nil), v.err
	if err == nil {
		a, err = parseAnswer(v.answer, v.lines.plan)
	}
	if err != nil {
		l.stayedSmall(err)
		return
	}
	l.log.Info("the caller has a camera now")
	l.offer, l.name, l.kind, l.video = v.offer, v.name, kindRoom, true
	l.session.extend(v.lines, a)
	l.link.openMore(labels(true)[len(labels(false)):])
	if !l.broken.IsZero() {
		l.restart()
	}
}

// stayedSmall tells the caller why nobody sees it.
func (l *Leg) stayedSmall(err error) {
	l.log.Warn("the meeting has no pictures for the caller", "err", err)
	text := "There are no pictures: the meeting service does not give them at the moment."
	if no := (*Refusal)(nil); errors.As(err, &no) && no.Reason == reasonVideoLocked {
		text, l.blind = "The host of the meeting has turned off video for rooms.", true
	}
	l.roster.addLine(media.ChatLine{Text: text, At: time.Now()})
	l.tellRoster()
	if !l.broken.IsZero() {
		l.restart()
	}
}

// seeing begins to ask for pictures: the channels for them are open.
func (l *Leg) seeing() {
	l.views.again()
	l.assign(time.Now())
}
