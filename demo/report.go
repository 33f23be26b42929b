package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tandem/call"
	"tandem/sim/audio"
	"tandem/sim/wire"
	"tandem/store"
)

type event = wire.Event

// report prints what is known of a call: path, times, sound, ladder.
func (s *show) report(sc *scene) {
	if r := s.record(sc); r != nil {
		s.say("   path     %s  [%s]  %s", legText(r.A), orDash(r.Path), legText(r.B))
		s.say("   record   cause %s, %s talked", r.Cause, r.Talked.Round(10*time.Millisecond))
	}
	if p := sc.phone; p != nil {
		s.say("   phone    ringing or early media after %s, answer after %s", at(min0(p.Times.Ringing, p.Times.Early)), at(p.Times.Answered))
		s.heard("phone", p.Codec, p.Received)
	}
	if e := sc.edge; e != nil && len(e.Legs) > 0 {
		m := e.Legs[0].Media
		s.heard("Google", m.Codec, m.Received)
	}
	for _, l := range sc.lines {
		s.say("   %s", l)
	}
	if !s.Brief {
		s.ladder(sc)
	}
}

func legText(l call.LegRecord) string {
	if l.Connector == "" {
		return "—"
	}
	t := fmt.Sprintf("%s %s", l.Connector, l.Via)
	if l.Codec != "" {
		t += " RTP " + l.Codec
	}
	return t
}

func orDash(s string) string {
	if s == "" {
		return "no media"
	}
	return s
}

func at(d time.Duration) string {
	if d == 0 {
		return "–"
	}
	return d.Round(time.Millisecond).String()
}

// min0 is the smaller of two times, of which 0 means never.
func min0(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

func (s *show) heard(who, codec string, r audio.Report) {
	if r.Packets == 0 {
		return
	}
	tone := "heard no tone"
	if r.Tone > 0 {
		tone = fmt.Sprintf("heard %.0f Hz at %.0f dBFS", r.Tone, r.Level)
	}
	s.say("   %-8s %s: %d packets in, %d lost, jitter %.1f ms, longest gap %.0f ms, %s",
		who, codec, r.Packets, r.Lost, r.JitterMS, r.MaxGapMS, tone)
}

// record is the gateway's own record of the scene's call: the newest one, or the
// newest of who called.
func (s *show) record(sc *scene) *call.Record {
	if sc.phone == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	s.end()
	if err := s.Gateway.Settle(ctx); err != nil {
		s.fail("the call record is not written: %v", err)
		return nil
	}
	all, err := s.Gateway.History.List(ctx, store.Span{Limit: 5})
	for i := range all {
		if r := &all[i].Value; sc.who == "" || r.A.Via == sc.who {
			return r
		}
	}
	s.fail("no call record: %v", err)
	return nil
}

// end waits for the last leg of the act's calls: their records are complete then. A call
// that an act which failed has left behind is ended.
func (s *show) end() {
	gone := make(chan struct{})
	go func() {
		s.Gateway.Switch.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		return
	case <-time.After(endsWithin):
	}
	for _, r := range s.Gateway.Switch.Live() {
		s.Gateway.Switch.Hangup(r.ID)
	}
	<-gone
}

const endsWithin = 10 * time.Second

// ladder prints the messages of both sides of the gateway in the order of time.
func (s *show) ladder(sc *scene) {
	type rung struct {
		event
		edge bool
	}
	var rungs []rung
	if sc.phone != nil {
		for _, e := range sc.phone.Ladder {
			rungs = append(rungs, rung{e, false})
		}
	}
	if sc.edge != nil {
		for _, e := range sc.edge.Ladder {
			rungs = append(rungs, rung{e, true})
		}
	}
	if len(rungs) == 0 {
		return
	}
	slices.SortStableFunc(rungs, func(a, b rung) int { return a.At.Compare(b.At) })
	far := "Google Voice"
	if sc.edge == nil {
		far = ""
	}
	s.say("%s", strings.TrimRight(fmt.Sprintf("   %9s  %-34s  %-6s %-34s  %s", "", "phone", "tandem", "", far), " "))
	first := rungs[0].At
	for _, r := range rungs {
		s.say("   %7dms  %s", r.At.Sub(first).Milliseconds(), rungText(r.event, r.edge))
	}
}

// rungText draws one message: phones to the left of the gateway, Google to the right.
func rungText(e event, edge bool) string {
	text, _, _ := strings.Cut(e.Summary, " sip:")
	if e.Raw == "" {
		return strings.Repeat(" ", 12) + e.Summary + " " + e.Note
	}
	const width = 30
	line := func(right bool) string {
		text := text
		if method := strings.LastIndex(text, " ("); len(text) > width-4 && method > 0 {
			text = text[:method] // the number says it
		}
		if len(text) > width-4 {
			text = text[:width-4]
		}
		dashes := strings.Repeat("─", width-len(text)-2)
		if right {
			return "─ " + text + " " + dashes + ">"
		}
		return "<" + dashes + " " + text + " ─"
	}
	if edge { // the edge sends to the left
		return strings.Repeat(" ", 36) + "tandem  " + line(!e.Out)
	}
	return line(e.Out) + "    tandem"
}
