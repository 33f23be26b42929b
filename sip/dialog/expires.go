package dialog

import (
	"strconv"
	"strings"
	"time"

	"tandem/sip"
)

// A SessionTimer says how a session is kept from outliving its ends (RFC 4028).
// The zero value asks for none, and lets the far end have what it asks for.
type SessionTimer struct {
	Expires time.Duration // Session-Expires that we ask for; 0 asks for none
	Min     time.Duration // Min-SE: the shortest we take part in; 0 is 90 s
	Method  string        // of our refreshes: "INVITE" or "UPDATE"; "" is UPDATE if the far end allows it
	Always  bool          // refresh as caller even if nobody else knows session timers: it finds dead far ends
}

// minExpires is the least that RFC 4028 §4 allows.
const minExpires = 90 * time.Second

// leastAgreed is the shortest that an answer may ask for. It is below minExpires, as
// some far ends are, too.
const leastAgreed = 10 * time.Second

func (t SessionTimer) min() time.Duration {
	if t.Min <= 0 {
		return minExpires
	}
	return t.Min
}

// expires is a Session-Expires header's value.
type expires struct {
	interval  time.Duration
	refresher string // "uac", "uas" or ""
}

func (e expires) String() string {
	s := seconds(e.interval)
	if e.refresher != "" {
		s += ";refresher=" + e.refresher
	}
	return s
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

// parseExpires reads Session-Expires; ok is false if there is none that makes sense.
func parseExpires(m *sip.Message) (e expires, ok bool) {
	number, params, _ := strings.Cut(m.Get("Session-Expires"), ";")
	e.interval, ok = parseSeconds(number)
	if params == "" {
		return e, ok
	}
	r, _ := sip.Params(";" + params).Get("refresher")
	if r = strings.ToLower(r); r == "uac" || r == "uas" {
		e.refresher = r
	}
	return e, ok
}

// parseSeconds reads delta-seconds. What is longer than a day is a day.
func parseSeconds(s string) (time.Duration, bool) {
	if s = strings.TrimSpace(s); s == "" {
		return 0, false // most messages have none, and an error costs more than the look
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n == 0 {
		return 0, false
	}
	return min(time.Duration(n)*time.Second, 24*time.Hour), true
}

func parseMinSE(m *sip.Message) time.Duration {
	number, _, _ := strings.Cut(m.Get("Min-SE"), ";")
	d, _ := parseSeconds(number)
	return d
}

// A contract is what the two ends agreed on; its zero value is no session timer.
type contract struct {
	interval  time.Duration
	weRefresh bool
}

// refreshAt is when the refresher refreshes (RFC 4028 §10), from the last refresh on.
func (c contract) refreshAt() time.Duration { return c.interval / 2 }

// expireAt is when a session without refresh is given up: the end that waits for the
// refresh does so a little early, the one that refreshes tries to the end (RFC 4028 §10).
func (c contract) expireAt() time.Duration {
	if c.weRefresh {
		return c.interval
	}
	return c.interval - min(32*time.Second, c.interval/3)
}

// ask is what goes into our INVITE, re-INVITE and UPDATE. Before there is a
// contract the refresher is left for the far end to say.
func (t SessionTimer) ask(now contract, floor time.Duration) (expires, bool) {
	if now.interval > 0 {
		r := "uas"
		if now.weRefresh {
			r = "uac"
		}
		return expires{max(now.interval, floor), r}, true
	}
	if t.Expires <= 0 {
		return expires{}, false
	}
	return expires{max(t.Expires, t.min(), floor), ""}, true
}

// agreed reads the contract from the 2xx to a request of ours.
func (t SessionTimer) agreed(asked expires, resp *sip.Message) contract {
	e, ok := parseExpires(resp)
	if ok {
		// Without a refresher, which RFC 4028 §9 forbids, somebody has to: we do. Nobody
		// makes us send a request twice a second.
		return contract{max(e.interval, leastAgreed), e.refresher != "uas"}
	}
	if t.Always && asked.interval > 0 {
		return contract{asked.interval, true}
	}
	return contract{}
}

// answer decides on a request of the far end (RFC 4028 §9): the contract and what the 2xx
// says of it, or tooSmall for a 422 with our Min-SE.
func (t SessionTimer) answer(req *sip.Message) (c contract, header string, tooSmall bool) {
	knows := req.Option("Supported", "timer") || req.Option("Require", "timer")
	e, asked := parseExpires(req)
	if asked && e.interval < t.min() {
		if knows {
			return contract{}, "", true
		}
		e.interval = t.min() // a proxy asked; the caller would not understand a 422
	}
	if !asked {
		if t.Expires <= 0 {
			return contract{}, "", false
		}
		e.interval = t.Expires
	}
	if t.Expires > 0 && t.Expires < e.interval {
		e.interval = t.Expires
	}
	e.interval = max(e.interval, parseMinSE(req), t.min())
	switch {
	case !knows:
		e.refresher = "uas" // RFC 4028 table 2
	case e.refresher == "":
		e.refresher = "uac"
	}
	return contract{e.interval, e.refresher == "uas"}, e.String(), false
}
