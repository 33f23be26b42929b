package dialog

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
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
	end     Ended
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
		p.end = ev
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
	for seed := range uint64(20) {
		loss := 0.1 * float64(seed%5)
		t.Run(fmt.Sprintf("seed %d, loss %.0f %%", seed, 100*loss), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { chaos(t, seed, loss) })
		})
	}
}

// A crowd is everybody who took part in a chaotic test, in the order of their coming.
type crowd struct {
	mu  sync.Mutex // guards all
	all []*party
}

func (c *crowd) join(p *party) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, p)
}

// last is who came last, but for i.
func (c *crowd) last(i int) *party {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all[max(len(c.all)-1-i, 0)]
}

func (c *crowd) now() []*party {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all[:len(c.all):len(c.all)]
}

// chaos makes forty calls whose ends do things at random, hangs up whatever is left, and
// looks whether everybody has been told the end, once and in time.
func chaos(t *testing.T, seed uint64, loss float64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	w := &badWire{loss: loss, twice: 0.1, rnd: rand.New(rand.NewPCG(seed, 2))}
	defer w.flying.Wait()
	a, b := w.ends(t)
	defer b.close()
	defer a.close()
	var everybody crowd
	b.core.OnInvite = func(s *Session) {
		p := &party{t: t, name: "callee", s: s}
		everybody.join(p)
		s.On(p.on)
	}
	dial := func() {
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
		everybody.join(caller)
	}
	for range 40 {
		dial()
		for range rnd.IntN(25) {
			time.Sleep(time.Duration(rnd.IntN(400)) * time.Millisecond)
			synctest.Wait()
			everybody.last(rnd.IntN(2)).something(rnd.IntN(12))
		}
		time.Sleep(time.Duration(rnd.IntN(100)) * time.Second)
		synctest.Wait()
		for i := range 2 {
			if rnd.IntN(3) > 0 {
				everybody.last(i).hangUp()
			}
		}
	}
	talked := everybody.now()
	for range 10 {
		dial() // and give it up at once
	}
	endAll(t, &everybody)
	up := 0
	for _, p := range talked {
		p.mu.Lock()
		if p.up {
			up++
		}
		p.mu.Unlock()
	}
	if up < len(talked)/4 && loss <= 0.3 { // beyond that few calls get so far, and the ends are what matters
		t.Errorf("only %d of %d ends saw the call answered", up, len(talked))
	}
	if x, y := a.core.Stats(), b.core.Stats(); x.Sessions+y.Sessions > 0 {
		t.Errorf("sessions left: %+v, %+v", x, y)
	}
}

// endAll hangs up everybody and checks their ends. Who has come by then is gone 32 s
// later, without exception. Who comes after that is a callee whose caller has hung up
// before it heard anything, and then must not send a CANCEL (RFC 3261 §9.1); most learn
// of it, because the 100 brings the CANCEL. If the 100 to the last copy of the INVITE is
// lost, too, the callee cannot know: it rings until its own user ends it, here nobody,
// and no longer than any call may ring.
func endAll(t *testing.T, everybody *crowd) {
	t.Helper()
	present, ending := everybody.now(), time.Now()
	for _, p := range present {
		p.hangUp()
	}
	time.Sleep(33 * time.Second) // 32 s, and what still flies
	synctest.Wait()
	callers := make(map[string]*party)
	for i, p := range present {
		p.checkEnd(i)
		if p.s.Outgoing() {
			callers[p.s.ID().CallID] = p
		}
	}
	all := everybody.now()
	for _, p := range all[len(present):] {
		caller := callers[p.s.ID().CallID]
		if caller == nil || p.s.Outgoing() {
			t.Errorf("a %s came after everybody was hung up, and nobody here has called it", p.name)
			continue
		}
		end, at := caller.outcome()
		if at.Before(ending) {
			t.Errorf("a callee came whose caller had ended %v before", ending.Sub(at))
		}
		if phase := p.s.view.Load().phase; !p.gone() && (phase != ringing || end.Message != nil) {
			t.Errorf("a late callee is left (%v) whose caller had its answer: %+v", phase, end)
		}
	}
	late := slices.DeleteFunc(slices.Clone(all[len(present):]), (*party).gone)
	if len(late) > 0 {
		time.Sleep(ringLimit)
		synctest.Wait()
	}
	for i, p := range late {
		if !p.gone() {
			t.Errorf("late callee %d rings longer than %v", i, ringLimit)
		}
	}
	if n := len(everybody.now()) - len(all); n > 0 {
		t.Errorf("%d came when no INVITE could be on its way", n)
	}
}

// checkEnd expects that the end was told once, and in time.
func (p *party) checkEnd(i int) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended != 1 {
		p.t.Errorf("%s %d ended %d times: %v", p.name, i, p.ended, p.s.view.Load().phase)
	} else if took := p.endedAt.Sub(p.hungUp); took > 32*time.Second {
		p.t.Errorf("%s %d took %v to end", p.name, i, took)
	}
}

func (p *party) gone() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended > 0
}

// outcome is how and when it ended.
func (p *party) outcome() (Ended, time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.end, p.endedAt
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
