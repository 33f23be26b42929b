package gvoice

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Bounds of what the control endpoint and clients can make the edge remember.
const (
	maxAccounts = 10_000
	maxDevices  = 1000 // of one account
	maxPeople   = 1000
	maxFaults   = 100
	maxTokens   = 20_000
	maxConns    = 5000
	maxActive   = 2000 // calls at once
	maxOldCAs   = 4
	longest     = 24 * time.Hour // of every duration
)

// Validate reports everything that cannot work, by JSON name.
func (c Config) Validate() error {
	errs := []error{c.Options.validate(), c.Timing.validate()}
	for _, a := range c.Accounts {
		errs = append(errs, a.Validate())
	}
	for _, p := range c.People {
		errs = append(errs, p.Validate())
	}
	for name, port := range map[string]int{"sip_port": c.SIPPort, "control_port": c.ControlPort, "token_port": c.TokenPort, "media_port": c.MediaPort} {
		if port < 0 || port > math.MaxUint16 {
			errs = append(errs, fmt.Errorf("%s: %d is no port", name, port))
		}
	}
	return errors.Join(errs...)
}

func (o Options) validate() error {
	return errors.Join(
		oneOf("telephony.bad_token", o.BadToken, "401-bearer", "403", "drop"),
		oneOf("telephony.missing_outbound", o.MissingOutbound, "421", "400", "drop"),
		oneOf("telephony.client_cert", o.ClientCert, "obihai-only", "all", "none"),
		oneOf("in_dialog.wrong_route", o.WrongRoute, "drop", "481", "accept"),
		oneOf("incoming.withheld", o.Withheld, "anonymous-invalid", "empty-user", "unavailable"),
		oneOf("billing.refusal", o.Billing, "off", "403", "603", "announcement"),
		within("telephony.expires", o.Expires, 0, 7*86400), within("telephony.flow_timer", o.FlowTimer, 0, 86400),
		within("telephony.alt_hosts", o.AltHosts, -1, 4),
		duration("telephony.idle_timeout", o.IdleTimeout), duration("telephony.session_timer", o.SessionTimer),
		duration("limits.call_length", o.CallLength),
	)
}

func (t Timing) validate() error {
	return errors.Join(
		duration("early_media", t.EarlyMedia), duration("answered_media", t.AnsweredMedia), duration("ring_time", t.RingTime),
		duration("throttle_release", t.ThrottleRelease), duration("token_life", t.TokenLife), duration("t1", t.T1),
	)
}

// Validate reports what makes the account useless.
func (a Account) Validate() error {
	switch {
	case e164Number(a.Number) != nil:
		return fmt.Errorf("account number: %w", e164Number(a.Number))
	case a.RefreshToken == "":
		return fmt.Errorf("account %s: refresh_token is missing", a.Number)
	case a.ClientID == "":
		return fmt.Errorf("account %s: client_id is missing", a.Number)
	case len(a.Devices) > maxDevices:
		return fmt.Errorf("account %s: more than %d devices", a.Number, maxDevices)
	}
	return nil
}

// Validate reports what the far person cannot do.
func (p Person) Validate() error {
	prefix, open := strings.CutSuffix(p.Number, "*")
	if !(open && prefix == "+") {
		number := prefix
		if open {
			number += "000"
		}
		if err := e164Number(number); err != nil {
			return fmt.Errorf("a far person's number (a last * matches any rest): %w", err)
		}
	}
	return p.talk()
}

// talk is Validate without the number, for the caller of an incoming call.
func (p Person) talk() error {
	return errors.Join(
		frequency("early_tone", p.EarlyTone), frequency("tone", p.Tone), keys(p.DTMF), finalStatus("refuse", p.Refuse),
		duration("ring", p.Ring), duration("answer_after", p.AnswerAfter), duration("talk_for", p.TalkFor),
	)
}

// Validate reports what cannot be written into an INVITE.
func (in Incoming) Validate() error {
	errs := []error{
		in.Talk.talk(), duration("cancel_after", in.CancelAfter),
		oneOf("display", in.Display, "name", "number", "at-host", "none", "withheld"),
	}
	if err := e164Number(in.From); err != nil {
		errs = append(errs, fmt.Errorf("from: %w", err))
	}
	return errors.Join(append(errs, text("name", in.Name))...)
}

// Validate reports an unknown kind, and values that the kind has no use for.
func (f Fault) Validate() error {
	if !slices.Contains(faultKinds, f.Kind) {
		return fmt.Errorf("fault kind %q is unknown; known are %v", f.Kind, faultKinds)
	}
	status := finalStatus("status", f.Status)
	if f.Kind == TokenError && f.Status != 0 {
		status = within("status", f.Status, 400, 599)
	}
	return errors.Join(status, duration("delay", f.Delay), within("times", f.Times, 0, 1_000_000),
		text("reason", f.Reason), text("host", f.Host), text("user", f.User))
}

func e164Number(s string) error {
	if len(s) < 4 || len(s) > 16 || s[0] != '+' || strings.Trim(s[1:], "0123456789") != "" {
		return fmt.Errorf("%q is not E.164, such as +12025550123", s)
	}
	return nil
}

func oneOf[T ~string](name string, v T, known ...T) error {
	if v == "" || slices.Contains(known, v) {
		return nil
	}
	return fmt.Errorf("%s: %q is none of %v", name, string(v), known)
}

func within(name string, v, least, most int) error {
	if v < least || v > most {
		return fmt.Errorf("%s: %d is not between %d and %d", name, v, least, most)
	}
	return nil
}

func duration(name string, d time.Duration) error {
	if d < 0 || d > longest {
		return fmt.Errorf("%s: %v is not between 0 and %v", name, d, longest)
	}
	return nil
}

func frequency(name string, hz float64) error {
	if !(hz >= 0 && hz <= 4000) {
		return fmt.Errorf("%s: %v is not between 0 and 4000 Hz", name, hz)
	}
	return nil
}

func finalStatus(name string, status int) error {
	if status == 0 {
		return nil
	}
	return within(name, status, 300, 699)
}

func keys(s string) error {
	if len(s) > 100 || strings.Trim(s, "0123456789*#ABCDabcd") != "" {
		return fmt.Errorf("dtmf: %.100q is not at most 100 of 0-9, *, #, A-D", s)
	}
	return nil
}

// text refuses what would break a header line.
func text(name, s string) error {
	if len(s) > 200 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Errorf("%s: want at most 200 printable bytes", name)
	}
	return nil
}
