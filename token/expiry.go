package token

import (
	"fmt"
	"time"

	"tandem/alarm"
)

// expiryAlarm is the alarm's key.
const expiryAlarm = "meet/gateway-token/expiry"

// Check reads the folder again, so that a staged certificate takes over in time,
// and raises an alarm 30, 14, 7 and 1 days before the last certificate expires. Call
// it every hour or so.
func (g *Gateway) Check() error {
	err := g.Load()
	g.warn(err, time.Now())
	return err
}

// warn raises or clears the alarm.
func (g *Gateway) warn(err error, now time.Time) {
	if g.Alarms == nil {
		return
	}
	s := g.Status()
	if a, bad := expiring(err, s, now); bad {
		g.Alarms.Raise(a)
		return
	}
	g.Alarms.Clear(expiryAlarm)
}

// steps are when a person is told, in days before the end, the latest first.
var steps = [...]int{1, 7, 14, 30}

// expiring says what is to be told about the gateway token.
func expiring(err error, s GatewayStatus, now time.Time) (alarm.Alarm, bool) {
	a := alarm.Alarm{
		Key: expiryAlarm, Severity: alarm.Critical, Title: "The gateway token needs attention", Subject: s.Active.Subject,
		Do: "Make a request with `tandem meet-token csr`, have the operator of the meeting service sign it, and install the answer with `tandem meet-token install`.",
	}
	last := s.Active.Until
	if s.Staged.Installed && s.Staged.Until.After(last) {
		last = s.Staged.Until
	}
	left := last.Sub(now)
	switch {
	case err != nil:
		a.Detail = err.Error()
		return a, true
	case !s.Active.Installed:
		a.Detail = "No certificate is installed; meetings cannot be joined."
		return a, true
	case left <= 0:
		a.Detail = "The certificate expired on " + last.Format(time.DateOnly) + "; meetings cannot be joined."
		return a, true
	}
	for _, days := range steps {
		if left > time.Duration(days)*24*time.Hour {
			continue
		}
		if days > 1 {
			a.Severity = alarm.Warning
		}
		a.Detail = fmt.Sprintf("The certificate expires on %s, in less than %d days.", last.Format(time.DateOnly), days)
		if days == 1 {
			a.Detail = "The certificate expires on " + last.Format(time.DateOnly) + ", in less than a day."
		}
		return a, true
	}
	return a, false
}
