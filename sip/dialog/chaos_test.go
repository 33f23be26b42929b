package dialog

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tandem/sip"
)

// A badWire carries datagrams, each late by up to 100 ms and so out of order, some not at
// all, some twice.
type badWire struct {
	loss, twice float64
	mu          sync.Mutex // guards rnd
	rnd         *rand.Rand
	flying      sync.WaitGroup
}

func (w *badWire) draw() (copies int, delay time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delay = time.Duration(1+w.rnd.IntN(100)) * time.Millisecond
	switch x := w.rnd.Float64(); {
	case x < w.loss:
		return 0, delay
	case x < w.loss+w.twice:
		return 2, delay
	}
	return 1, delay
}

func (w *badWire) relay(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	for {
		buf := make([]byte, 1<<16)
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		copies, delay := w.draw()
		for i := range copies {
			w.flying.Go(func() {
				time.Sleep(delay + time.Duration(i)*30*time.Millisecond)
				to.Write(buf[:n]) // fails once the test is over
			})
		}
	}
}

func (w *badWire) ends(t *testing.T) (a, b *end) {
	left, lm := net.Pipe()
	rm, right := net.Pipe()
	w.flying.Go(func() { w.relay(rm, lm) })
	w.flying.Go(func() { w.relay(lm, rm) })
	return newEnd(t, left, "udp"), newEnd(t, right, "udp")
}

// A party is one end of a chaotic call: it answers what comes, and checks the promises.
type party struct {
	t       *testing.T
	name    string
	s       *Session
	mu      sync.Mutex // guards what follows
	busy    bool
	ended   int
	up      bool
	hungUp  time.Time
	digits  []string
	endedAt time.Time
}

func (p *party) on(ev Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy {
		p.t.Errorf("%s: two events at once", p.name)
	}
	p.busy = true
	defer func() { p.busy = false }()
	if p.ended > 0 {
		p.t.Errorf("%s: %T after Ended", p.name, ev)
	}
	switch ev := ev.(type) {
	case Answered, Acked:
		p.up = true
	case Offer:
		if ev.SDP == nil {
			p.s.AnswerOffer([]byte(offerSDP))
		} else {
			p.s.AnswerOffer([]byte(answerSDP))
		}
	case Info:
		p.digits = append(p.digits, string(ev.Body))
	case Refer:
		ev.Accept()
		ev.Notify(180, "")
		ev.Notify(200, "")
	case Ended:
		p.ended++
		p.endedAt = time.Now()
	}
}

func (p *party) hangUp() {
	p.mu.Lock()
	if p.hungUp.IsZero() {
		p.hungUp = time.Now()
	}
	p.mu.Unlock()
	p.s.Bye()
}

// something does one thing at random. What makes no sense just now must do no harm.
func (p *party) something(n int) {
	switch n % 12 {
	case 0:
		p.s.Progress(180, nil, false)
	case 1:
		p.s.Progress(183, []byte(answerSDP), true)
	case 2, 3:
		p.s.Accept([]byte(answerSDP))
	case 4:
		p.s.Reinvite([]byte(holdSDP))
	case 5:
		p.s.Update([]byte(offerSDP))
	case 6:
		p.s.Update(nil)
	case 7:
		p.s.Info("text/plain", []byte("x"))
	case 8:
		p.s.Options()
	case 9:
		p.s.Refer(sip.Address{URI: sip.URI{Scheme: "sip", User: "c", Host: "h"}})
	case 10:
		p.s.Reinvite(nil)
	case 11:
		p.s.Progress(180, nil, true)
	}
}

func TestCallsKeepTheirPromisesOnABadNetwork(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(seed, 1))
				w := &badWire{loss: 0.1 * float64(seed%4), twice: 0.1, rnd: rand.New(rand.NewPCG(seed, 2))}
				defer w.flying.Wait()
				a, b := w.ends(t)
				defer b.close()
				defer a.close()
				var mu sync.Mutex // guards everybody
				var everybody []*party
				join := func(p *party) {
					mu.Lock()
					defer mu.Unlock()
					everybody = append(everybody, p)
				}
				last := func(i int) *party {
					mu.Lock()
					defer mu.Unlock()
					return everybody[max(len(everybody)-1-i, 0)]
				}
				b.core.OnInvite = func(s *Session) {
					p := &party{t: t, name: "callee", s: s}
					join(p)
					s.On(p.on)
				}
				for range 40 {
					caller := &party{t: t, name: "caller"}
					ready := make(chan struct{})
					caller.s = a.invite(func(i *Invite) {
						i.On = func(ev Event) { <-ready; caller.on(ev) }
						i.Timer = SessionTimer{Expires: 90 * time.Second}
						if rnd.IntN(4) == 0 {
							i.SDP = nil
						}
					})
					close(ready)
					join(caller)
					for range rnd.IntN(25) {
						time.Sleep(time.Duration(rnd.IntN(400)) * time.Millisecond)
						synctest.Wait()
						last(rnd.IntN(2)).something(rnd.IntN(12))
					}
					time.Sleep(time.Duration(rnd.IntN(100)) * time.Second)
					synctest.Wait()
					for i := range 2 {
						if rnd.IntN(3) > 0 {
							last(i).hangUp()
						}
					}
				}
				time.Sleep(time.Second)
				synctest.Wait()
				var all []*party
				for range 2 { // an INVITE may come so late that its caller has given up, and will not say so
					mu.Lock()
					all = everybody
					mu.Unlock()
					for _, p := range all {
						p.hangUp()
					}
					time.Sleep(2 * time.Minute)
					synctest.Wait()
				}
				up := 0
				for i, p := range all {
					if p.up {
						up++
					}
					if p.ended != 1 {
						t.Errorf("%s %d ended %d times: %v", p.name, i, p.ended, p.s.view.Load().phase)
					} else if took := p.endedAt.Sub(p.hungUp); took > 32*time.Second {
						t.Errorf("%s %d took %v to end", p.name, i, took)
					}
				}
				if up < len(all)/4 {
					t.Errorf("only %d of %d ends saw the call answered", up, len(all))
				}
				if x, y := a.core.Stats(), b.core.Stats(); x.Sessions+y.Sessions > 0 {
					t.Errorf("sessions left: %+v, %+v", x, y)
				}
			})
		})
	}
}

func TestNoDigitIsLostOrDoubledOnABadNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &badWire{loss: 0.1, twice: 0.1, rnd: rand.New(rand.NewPCG(7, 7))}
		defer w.flying.Wait()
		a, b := w.ends(t)
		defer b.close()
		defer a.close()
		sa := a.invite()
		sb := b.incoming()
		sb.Accept([]byte(answerSDP))
		next[Answered](a)
		next[Acked](b)
		const n = 1000
		for i := range n {
			sa.Info("application/dtmf-relay", fmt.Append(nil, i))
			if got := next[Info](b); string(got.Body) != fmt.Sprint(i) {
				t.Fatalf("digit %d came as %s", i, got.Body)
			}
			if got := next[RequestAnswered](a); got.Status != 200 {
				t.Fatalf("answered %+v", got)
			}
		}
		sa.Bye()
		ended(b, RemoteBye)
		ended(a, LocalBye)
	})
}
