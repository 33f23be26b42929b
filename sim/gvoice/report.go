package gvoice

import (
	"time"

	"tandem/sim/audio"
	"tandem/sim/wire"
)

// State is what GET /state shows.
type State struct {
	SIP           string            `json:"sip"` // address of the TLS listener
	Hosts         []string          `json:"hosts"`
	Accounts      []AccountState    `json:"accounts"`
	Connections   []ConnectionState `json:"connections"`
	Registrations []Registration    `json:"registrations"`
	Calls         []Report          `json:"calls"`
	Refusals      []Refusal         `json:"refusals"`
	Faults        []Fault           `json:"faults"`
	Counters      map[string]int    `json:"counters"`
}

// AccountState is an account without its secrets.
type AccountState struct {
	Number         string   `json:"number"`
	Devices        []Device `json:"devices"`
	TokensIssued   int      `json:"tokens_issued"`
	Throttled      bool     `json:"throttled"`
	ThrottledUntil string   `json:"throttled_until,omitempty"`
}

// ConnectionState is one TLS connection.
type ConnectionState struct {
	ID         int       `json:"id"`
	SNI        string    `json:"sni"`
	Remote     string    `json:"remote"`
	TLS        string    `json:"tls"`
	ClientCert string    `json:"client_cert,omitempty"` // subject
	Since      time.Time `json:"since"`
	Pings      int       `json:"pings"`
	LastPing   time.Time `json:"last_ping,omitzero"`
}

// Registration is one live binding.
type Registration struct {
	User      string    `json:"user"`
	Domain    string    `json:"domain"`
	Account   string    `json:"account"`
	Conn      int       `json:"conn"`
	SNI       string    `json:"sni"`
	Contact   string    `json:"contact"`
	OBN       string    `json:"obn,omitempty"`
	Instance  string    `json:"instance,omitempty"`
	RegID     string    `json:"reg_id,omitempty"`
	Since     time.Time `json:"since"`
	Expires   time.Time `json:"expires"`
	Refreshes int       `json:"refreshes"`
	Identity  string    `json:"identity"` // first P-Associated-URI
	Routes    []string  `json:"routes"`
}

// Refusal says why the edge refused, dropped or frowned at something.
type Refusal struct {
	At     time.Time `json:"at"`
	Rule   string    `json:"rule"`   // "GV-S15"
	Action string    `json:"action"` // "dropped", "refused 403", "noted"
	What   string    `json:"what"`   // "INVITE sip:…"
	Reason string    `json:"reason"`
	CallID string    `json:"call_id,omitempty"`
	User   string    `json:"user,omitempty"`
}

// Report is everything the edge saw of one call.
type Report struct {
	ID        string       `json:"id"`
	Direction string       `json:"direction"` // "from-client", "to-client"
	Account   string       `json:"account"`
	Number    string       `json:"number"` // the far person's
	Dialled   string       `json:"dialled,omitempty"`
	Person    string       `json:"person,omitempty"`
	Phase     Phase        `json:"phase"`
	Outcome   string       `json:"outcome,omitempty"`  // "answered", "refused 486", "cancelled by client", "voicemail", …
	EndedBy   string       `json:"ended_by,omitempty"` // "client", "far end", "edge"
	Started   time.Time    `json:"started"`
	Ringing   time.Time    `json:"ringing,omitzero"`
	Answered  time.Time    `json:"answered,omitzero"`
	Ended     time.Time    `json:"ended,omitzero"`
	Legs      []LegReport  `json:"legs"`
	Refusals  []Refusal    `json:"refusals,omitempty"`
	Ladder    []wire.Event `json:"ladder"`
}

// LegReport is the part of one device: a call to the account forks to several.
type LegReport struct {
	User      string      `json:"user"`
	CallID    string      `json:"call_id"`
	Status    int         `json:"status,omitempty"` // last final answer
	Ringing   bool        `json:"ringing"`
	Reinvites int         `json:"reinvites"` // and UPDATEs, from the client
	Media     MediaReport `json:"media"`
	Info      []string    `json:"info,omitempty"` // digits by INFO
}

// MediaReport is what the media relay measured on one leg.
type MediaReport struct {
	Codec           string       `json:"codec"`
	Security        string       `json:"security"` // "none", "dtls-srtp"
	Local           []string     `json:"local"`
	Pair            string       `json:"pair,omitempty"` // the client's address media goes to
	Nominated       bool         `json:"nominated"`
	Checks          int          `json:"checks"`
	BadChecks       int          `json:"bad_checks"`
	FirstCheck      time.Time    `json:"first_check,omitzero"`
	FirstRTP        time.Time    `json:"first_rtp,omitzero"`
	LastRTP         time.Time    `json:"last_rtp,omitzero"`
	RTPBeforeAnswer int          `json:"rtp_before_answer"`
	Unverified      int          `json:"unverified"` // packets refused: sender has passed no check (GV-S33)
	RTCP            int          `json:"rtcp"`
	Sent            int          `json:"sent"`
	Received        audio.Report `json:"received"`
}

// Phase is where a call stands.
type Phase string

// The phases of a call, in order.
const (
	PhaseSetup    Phase = "setup"
	PhaseEarly    Phase = "early" // 183 sent or 18x received
	PhaseAnswered Phase = "answered"
	PhaseEnded    Phase = "ended"
)
