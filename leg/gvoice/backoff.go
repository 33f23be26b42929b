package gvoice

import (
	"math/rand/v2"
	"time"
)

// pace says when the account may try again. It is pure but for the random
// spread, which keeps accounts apart after an outage of all (RFC 5626 §4.5).
type pace struct {
	timing   Timing
	failures int // in a row, of connecting or registering
	refusals int // 603/403 in a row
	silence  time.Time
	credit   time.Time // the gate: when the next REGISTER is due at the average spacing
	rand     func() float64
}

// burst is how many REGISTERs may follow each other before the spacing holds.
const burst = 3

func newPace(t Timing) *pace {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&t.Pong, 10*time.Second)
	def(&t.Backoff, time.Second)
	def(&t.MaxWait, 30*time.Second)
	def(&t.Spacing, 10*time.Second)
	def(&t.Media, 30*time.Second)
	if len(t.Silence) == 0 {
		t.Silence = []time.Duration{60 * time.Second, 300 * time.Second, 900 * time.Second, 1800 * time.Second}
	}
	return &pace{timing: t, rand: rand.Float64}
}

// failed returns how long to wait after a failure to connect or register.
func (p *pace) failed() time.Duration {
	d := p.timing.Backoff << min(p.failures, 16)
	if d > p.timing.MaxWait || d <= 0 {
		d = p.timing.MaxWait
	}
	p.failures++
	return d/2 + time.Duration(p.rand()*float64(d/2))
}

// refused starts the silence after a 603 or 403: until it is over nothing may
// send a REGISTER (GV-C10, reference 6.6).
func (p *pace) refused(now time.Time) time.Duration {
	d := p.timing.Silence[min(p.refusals, len(p.timing.Silence)-1)]
	p.refusals++
	p.silence = now.Add(d)
	return d
}

func (p *pace) succeeded() { p.failures, p.refusals, p.silence = 0, 0, time.Time{} }

// gate returns how long a REGISTER has to wait; when it is zero the REGISTER is
// counted as sent. Every path that sends one goes through here.
func (p *pace) gate(now time.Time) time.Duration {
	if wait := p.silence.Sub(now); wait > 0 {
		return wait
	}
	if floor := now.Add(-burst * p.timing.Spacing); p.credit.Before(floor) {
		p.credit = floor
	}
	if wait := p.credit.Sub(now); wait > 0 {
		return wait
	}
	p.credit = p.credit.Add(p.timing.Spacing)
	return 0
}

// refresh is when to register again: between half and three quarters of what
// was granted (GV-C10).
func (p *pace) refresh(expires time.Duration) time.Duration {
	return expires/2 + time.Duration(p.rand()*float64(expires/4))
}
