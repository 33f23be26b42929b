package sipua

import (
	"sync"
	"time"

	"tandem/sip"
	"tandem/sip/flow"
)

// resends send what was passed on to a phone over UDP again until it is answered: the
// machine it comes from has a connection to us and sends it once (RFC 3261 §17.1).
type resends struct {
	mu     sync.Mutex // guards what follows
	wait   map[string]*resend
	closed bool
}

// A resend is one request.
type resend struct {
	flow   *flow.Flow
	m      []byte
	invite bool
	every  time.Duration
	until  time.Time
	timer  *time.Timer
}

const (
	maxResends = 20_000 // what is beyond is sent once
	resendT1   = 500 * time.Millisecond
	resendT2   = 4 * time.Second
)

// add begins for a request that was sent just now. An ACK is never answered.
func (s *resends) add(branch string, f *flow.Flow, m *sip.Message) {
	if m.Method == "ACK" {
		return
	}
	key := branch + m.Method
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.wait) >= maxResends || s.wait[key] != nil {
		return
	}
	if s.wait == nil {
		s.wait = make(map[string]*resend)
	}
	r := &resend{flow: f, m: m.Append(nil), invite: m.Method == "INVITE", every: resendT1, until: time.Now().Add(64 * resendT1)}
	r.timer = time.AfterFunc(r.every, func() { s.again(key) })
	s.wait[key] = r
}

func (s *resends) again(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.wait[key]
	if r == nil || s.closed {
		return
	}
	if !time.Now().Before(r.until) || r.flow.SendBytes(r.m) != nil {
		delete(s.wait, key)
		return
	}
	r.every *= 2
	if !r.invite {
		r.every = min(r.every, resendT2)
	}
	r.timer.Reset(min(r.every, time.Until(r.until)))
}

// answered ends it: any answer does for an INVITE, a final one for others.
func (s *resends) answered(branch string, m *sip.Message) {
	seq, err := m.CSeq()
	if err != nil || seq.Method != "INVITE" && m.Status < 200 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.wait[branch+seq.Method]; r != nil {
		r.timer.Stop()
		delete(s.wait, branch+seq.Method)
	}
}

func (s *resends) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for key, r := range s.wait {
		r.timer.Stop()
		delete(s.wait, key)
	}
}
