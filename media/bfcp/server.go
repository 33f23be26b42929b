package bfcp

import "time"

// Server is the floor control server of one call: the conference's floor is its shared
// screen, and the far end is the one participant that can ask for it. Somebody else in
// the meeting may have the floor, too: see Present. It has no lock: its owner lets no two
// calls run at once.
//
//	            request: granted                somebody else presents: revoked
//	free ---------------------------> theirs --------------------------------> others'
//	     <---------------------------        <--------------------------------
//	            release, goodbye                 request: granted
type Server struct {
	Conference uint32
	User       uint16 // the participant
	Floor      uint16
	Reliable   bool // over TCP: version 1, and nothing is sent again

	request uint16 // the participant's request that has the floor; 0: it has not
	last    uint16 // request number given out last
	other   string // who else presents
	next    uint16 // our last transaction
	waiting []transaction
	served  served
	parts   fragments
}

// transaction is a message of ours that is not acknowledged yet (RFC 8855 §8.3).
type transaction struct {
	id      uint16
	ack     Primitive
	message []byte
	due     time.Time
	wait    time.Duration
}

// served is the answer that was given last, for a request that comes again.
type served struct {
	transaction uint16
	primitive   Primitive
	answer      []byte
}

const (
	firstResend = 500 * time.Millisecond // T1 (RFC 8855 §8.3.1)
	lastResend  = 4 * time.Second        // the fourth time; then it is given up
	maxWaiting  = 8
	// otherUser has the floor when somebody in the meeting presents.
	otherUser = 0xfffe
)

// Holds reports whether the participant has the floor.
func (s *Server) Holds() bool { return s.request != 0 }

// Receive takes one message and returns what is to be sent, in order. What is no message
// is let go; a message that cannot be served gets an Error.
func (s *Server) Receive(now time.Time, b []byte) [][]byte {
	if fragmented(b) && !s.Reliable {
		if b = s.parts.add(now, b); b == nil {
			return nil
		}
	}
	var m Message
	err := Parse(b, &m)
	switch {
	case err != nil:
		return nil // RFC 8855 §8.3 lets it go; nothing says who is to be told
	case m.Response, m.Primitive == FloorRequestStatusAck, m.Primitive == FloorStatusAck:
		s.acknowledged(m.Transaction, m.Primitive)
		return nil
	case m.Transaction == s.served.transaction && m.Primitive == s.served.primitive && s.served.answer != nil && !s.Reliable:
		return [][]byte{s.served.answer} // our answer was lost
	}
	answer, more := s.serve(now, &m)
	if answer == nil {
		return nil
	}
	first := answer.Append(nil)
	s.served = served{m.Transaction, m.Primitive, first}
	return append([][]byte{first}, more...)
}

// serve answers a request. more are messages of ours that follow.
func (s *Server) serve(now time.Time, m *Message) (answer *Message, more [][]byte) {
	if code := s.check(m); code != 0 {
		a := s.reply(m, Error)
		a.ErrorCode, a.unknown = code, m.unknown
		return a, nil
	}
	switch m.Primitive {
	case Hello:
		return s.reply(m, HelloAck), nil
	case FloorRequest:
		s.last++
		s.request, s.other = max(s.last, 1), ""
		s.last = s.request
		return s.status(s.reply(m, FloorRequestStatus), s.request, Granted), s.tell(now)
	case FloorRelease:
		a := s.status(s.reply(m, FloorRequestStatus), s.request, Released)
		s.request = 0
		return a, s.tell(now)
	case FloorRequestQuery:
		return s.status(s.reply(m, FloorRequestStatus), s.request, Granted), nil
	case UserQuery:
		return s.floor(s.reply(m, UserStatus)), nil
	case FloorQuery:
		return s.floor(s.reply(m, FloorStatus)), nil
	case Goodbye:
		s.request = 0
		return s.reply(m, GoodbyeAck), nil
	}
	a := s.reply(m, Error)
	a.ErrorCode = errPrimitive
	if m.Primitive == ChairAction {
		a.ErrorCode = errUnauthorized
	}
	return a, nil
}

// check is the error code of a request that is not served; 0 is none.
func (s *Server) check(m *Message) uint8 {
	switch {
	case m.Version != s.version():
		return errVersion
	case m.Conference != s.Conference:
		return errConference
	case m.User != s.User:
		return errUser
	case len(m.unknown) > 0:
		return errMandatory
	case (m.Primitive == FloorRequest || m.Primitive == FloorQuery) && m.HasFloor && m.Floor != s.Floor, m.Primitive == FloorRequest && !m.HasFloor:
		return errFloor
	case (m.Primitive == FloorRelease || m.Primitive == FloorRequestQuery) && (s.request == 0 || m.Request != s.request):
		return errRequest
	}
	return 0
}

func (s *Server) version() uint8 {
	if s.Reliable {
		return overTCP
	}
	return overUDP
}

// reply is the beginning of an answer.
func (s *Server) reply(m *Message, p Primitive) *Message {
	return &Message{
		Version: s.version(), Response: !s.Reliable, Primitive: p, Conference: m.Conference, Transaction: m.Transaction, User: m.User,
		Floor: s.Floor, HasFloor: true,
	}
}

func (s *Server) status(m *Message, request uint16, st Status) *Message {
	m.Request, m.HasRequest, m.Status = request, true, st
	return m
}

// floor completes a message with who has the floor.
func (s *Server) floor(m *Message) *Message {
	switch {
	case s.request != 0:
		m = s.status(m, s.request, Granted)
		m.Beneficiary = s.User
	case s.other != "" && m.Primitive == FloorStatus:
		m = s.status(m, otherUser, Granted)
		m.Beneficiary, m.Name = otherUser, s.other
	}
	return m
}

// Present says who else in the meeting presents, "" for nobody, and returns what is to
// be sent. The participant loses the floor to somebody else.
func (s *Server) Present(now time.Time, name string) [][]byte {
	if name == s.other {
		return nil
	}
	s.other = name
	var out [][]byte
	if name != "" && s.request != 0 {
		lost := s.request
		s.request = 0
		out = append(out, s.send(now, s.status(&Message{Primitive: FloorRequestStatus}, lost, Revoked), FloorRequestStatusAck))
	}
	return append(out, s.tell(now)...)
}

// tell announces who has the floor.
func (s *Server) tell(now time.Time) [][]byte {
	return [][]byte{s.send(now, s.floor(&Message{Primitive: FloorStatus}), FloorStatusAck)}
}

// send makes a message of ours, to be sent again until it is acknowledged.
func (s *Server) send(now time.Time, m *Message, ack Primitive) []byte {
	m.Version, m.Conference, m.User, m.Floor, m.HasFloor = s.version(), s.Conference, s.User, s.Floor, true
	if s.Reliable {
		return m.Append(nil) // transaction 0 (RFC 8855 §8.2)
	}
	if s.next++; s.next == 0 {
		s.next = 1
	}
	m.Transaction = s.next
	b := m.Append(nil)
	if len(s.waiting) == maxWaiting {
		s.waiting = s.waiting[1:]
	}
	s.waiting = append(s.waiting, transaction{s.next, ack, b, now.Add(firstResend), firstResend})
	return b
}

func (s *Server) acknowledged(id uint16, ack Primitive) {
	for i, t := range s.waiting {
		if t.id == id && t.ack == ack {
			s.waiting = append(s.waiting[:i:i], s.waiting[i+1:]...)
			return
		}
	}
}

// Tick returns what is to be sent again, and when to call it next; false when nothing
// waits.
func (s *Server) Tick(now time.Time) (again [][]byte, next time.Time, more bool) {
	kept := s.waiting[:0]
	for _, t := range s.waiting {
		if !now.Before(t.due) {
			if t.wait *= 2; t.wait > lastResend {
				continue // the far end does not listen
			}
			again, t.due = append(again, t.message), now.Add(t.wait)
		}
		if kept = append(kept, t); next.IsZero() || t.due.Before(next) {
			next = t.due
		}
	}
	s.waiting = kept
	return again, next, len(kept) > 0
}
