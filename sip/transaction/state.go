package transaction

// state is where a transaction stands. (T: the timer fires; R: the request comes
// again.)
//
//	client INVITE (RFC 3261 §17.1.1, RFC 6026 §8.4)
//	  trying ──1xx──► proceeding        trying: A resends, B ends with ErrTimeout
//	  trying, proceeding ──2xx──► accepted ──M──► over
//	  trying, proceeding ──3xx-6xx/ACK──► completed ──D──► over
//
//	client of other methods (§17.1.2)
//	  trying ──1xx──► proceeding        both: E resends, F ends with ErrTimeout
//	  trying, proceeding ──final──► completed ──K──► over
//
//	server INVITE (§17.2.1, RFC 6026 §8.5)
//	  trying ──1xx──► proceeding        100 after 200 ms; R: the last 1xx again
//	  trying, proceeding ──2xx──► accepted ──L──► over
//	  trying, proceeding ──3xx-6xx──► completed ──ACK──► confirmed ──I──► over
//	                                  completed: G and R resend, H ends with ErrTimeout
//
//	server of other methods (§17.2.2)
//	  trying ──1xx──► proceeding ──final──► completed ──J──► over      R: the last response again
type state uint8

const (
	trying state = iota // "calling" of a client INVITE
	proceeding
	completed
	confirmed
	accepted
	over
)

func (s state) String() string {
	return [...]string{"trying", "proceeding", "completed", "confirmed", "accepted", "over"}[s]
}

// final reports whether a final response has passed.
func (s state) final() bool { return s >= completed }
