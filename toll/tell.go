package toll

import (
	"time"

	"tandem/alarm"
	"tandem/call"
)

// barredFor is how long an attempt to reach a barred destination is worth an alarm.
const barredFor = time.Hour

// tell raises the alarm of a refusal. A caller that was merely quick is none; one
// that goes on is stopped.
func (g *Guard) tell(why Reason, s call.Spending, err error) {
	if g.Alarms == nil {
		return
	}
	switch why {
	case Burst:
		g.Alarms.Raise(alarm.Alarm{
			Key: stopKey(s.Payer), Severity: alarm.Critical, Title: "A caller was stopped, it places calls like a fraudster",
			Subject: name(s.Payer), Detail: err.Error(),
			Do: "Look at its last calls. If they are not its owner's, change the device's password; otherwise raise its limits under toll_guard.",
		})
	case Barred:
		g.Alarms.Raise(alarm.Alarm{
			Key: barredKey(s.Payer), Severity: alarm.Warning, Title: "A caller tries barred destinations",
			Subject: name(s.Payer), Detail: err.Error(),
			Do: "Ask its owner. If nobody there dialled that, change the device's password; if it shall be possible, add the number to toll_guard's allowed.",
		})
	}
}

// clear ends the alarms that are over, and forgets callers who have been quiet.
func (g *Guard) clear(now time.Time) {
	var over []string
	g.mu.Lock()
	for payer, who := range g.callers {
		if !who.stopped.IsZero() && !now.Before(who.stopped) {
			who.stopped = time.Time{}
			over = append(over, stopKey(payer))
		}
		if !who.barred.IsZero() && now.Sub(who.barred) >= barredFor {
			who.barred = time.Time{}
			over = append(over, barredKey(payer))
		}
		if who.stopped.IsZero() && who.barred.IsZero() && len(lately(who.tries, now)) == 0 && len(lately(who.begun, now)) == 0 {
			delete(g.callers, payer)
		}
	}
	g.mu.Unlock()
	for _, key := range over {
		if g.Alarms != nil {
			g.Alarms.Clear(key)
		}
	}
}

func stopKey(payer string) string   { return "toll/" + payer + "/stopped" }
func barredKey(payer string) string { return "toll/" + payer + "/barred" }
