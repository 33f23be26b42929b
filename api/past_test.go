package api

import (
	"fmt"
	"testing"
	"time"

	"tandem/alarm"
	"tandem/call"
	"tandem/identity"
	"tandem/leg/sipua"
	"tandem/store"
	"tandem/webhook"
)

func TestRegistrationsCanBeLookedUp(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Viewer)
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 5 {
		one := sipua.Registration{ID: fmt.Sprint(i), Device: []string{"kitchen", "study"}[i%2], Remote: "192.0.2.7:5060", Agent: "Phone/" + fmt.Sprint(i), Began: began.Add(time.Duration(i) * time.Hour)}
		must(t, r.server.Registrations.Append(t.Context(), store.Entry[sipua.Registration]{ID: one.ID, At: one.Began, Value: one}))
	}
	if a := c.do("GET", "/registrations/history?limit=2", nil).want(t, 200); len(a.items()) != 2 || a.text("next") == "" {
		t.Errorf("%s", a.raw)
	} else if b := c.do("GET", "/registrations/history?limit=5&after="+a.text("next"), nil).want(t, 200); len(b.items()) != 3 {
		t.Errorf("%s", b.raw)
	}
	for query, want := range map[string]int{"device=study": 2, "device=stud": 0, "q=phone/3": 1, "q=192.0.2.7": 5, "from=2026-01-01T02:00:00Z&to=2026-01-01T04:00:00Z": 2, "q=100%25": 0} {
		if a := c.do("GET", "/registrations/history?"+query, nil).want(t, 200); len(a.items()) != want {
			t.Errorf("%s: %s", query, a.raw)
		}
	}
}

func TestAMomentOfThePastIsShownAsItWas(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Viewer)
	at := time.Now().Add(-3 * 24 * time.Hour).Truncate(time.Minute).UTC()
	add := func(id string, began, answered, ended time.Duration) {
		rec := call.Record{ID: id, Began: at.Add(began), From: "+12025550123", To: "100", Cause: call.NormalClearing}
		if answered != 0 {
			rec.Answered = at.Add(answered)
		}
		if ended != 0 {
			rec.Ended = at.Add(ended)
		}
		must(t, r.history.Append(t.Context(), store.Entry[call.Record]{ID: id, At: rec.Began, Value: rec}))
	}
	add("talks", -time.Minute, -30*time.Second, time.Minute)
	add("rings", -time.Second, time.Second, time.Hour)
	add("over", -time.Hour, -time.Hour+time.Second, -time.Minute)
	add("later", time.Second, 2*time.Second, time.Minute)
	reg := sipua.Registration{ID: "1", Device: "kitchen", Began: at.Add(-time.Hour), Ended: at.Add(time.Hour)}
	must(t, r.server.Registrations.Append(t.Context(), store.Entry[sipua.Registration]{ID: "1", At: reg.Began, Value: reg}))
	bell := alarm.Alarm{Key: "x", Title: "Something", Begin: at.Add(-time.Hour), End: at.Add(time.Minute)}
	must(t, r.gateway.ended.Append(t.Context(), store.Entry[alarm.Alarm]{ID: "1", At: bell.Begin, Value: bell}))

	// Of a call that still runs the store knows only how it began.
	add("runs", -time.Minute, 0, 0)
	still := call.Running{Record: call.Record{ID: "runs", Began: at.Add(-time.Minute), Answered: at.Add(-time.Second)}, Phase: call.Active}
	r.gateway.mu.Lock()
	r.gateway.calls = append(r.gateway.calls, still)
	r.gateway.mu.Unlock()

	a := c.do("GET", "/replay?at="+at.Format(time.RFC3339), nil).want(t, 200)
	phases := map[string]any{}
	for _, one := range a.body["calls"].([]any) {
		phases[one.(map[string]any)["id"].(string)] = one.(map[string]any)["phase"]
	}
	if len(phases) != 3 || phases["talks"] != "active" || phases["runs"] != "active" || phases["rings"] != "dialing" {
		t.Errorf("%v", phases)
	}
	if len(a.body["registrations"].([]any)) != 1 || len(a.body["alarms"].([]any)) != 1 || a.body["whole"] != true {
		t.Errorf("%s", a.raw)
	}
	c.do("GET", "/replay?at="+time.Now().Add(time.Hour).UTC().Format(time.RFC3339), nil).want(t, 422)
	c.do("GET", "/replay", nil).want(t, 422)

	from := at.Add(-2 * time.Minute)
	q := fmt.Sprintf("/replay/series?from=%s&to=%s&step_s=60", from.Format(time.RFC3339), at.Add(2*time.Minute).Format(time.RFC3339))
	a = c.do("GET", q, nil).want(t, 200)
	if got := fmt.Sprint(a.body["begun"], a.body["active"]); got != "[0 3 1 0] [1 2 3 2]" {
		t.Errorf("%s", got)
	}
	c.do("GET", "/replay/series?from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z&step_s=1", nil).want(t, 422)
}

func TestDeadLettersAreReplayedAndDropped(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Administrator)
	c.do("POST", "/webhooks", map[string]any{"name": "ours", "url": "https://example.com/hook", "secret": "0123456789abcdef"}).want(t, 201)
	dead := store.Log[webhook.Letter]{DB: r.history.DB, Name: "webhooks/dead", Label: func(l webhook.Letter) string { return l.Hook }}
	for _, id := range []string{"a", "b"} {
		l := webhook.Letter{ID: id, Hook: "ours", Event: "call.ended", At: time.Now()}
		must(t, dead.Append(t.Context(), store.Entry[webhook.Letter]{ID: "ours " + id, At: l.At, Value: l}))
	}
	c.do("POST", "/webhooks/ours/dead-letters/a/replay", nil).want(t, 409) // it is switched off
	c.do("POST", "/webhooks/ours/dead-letters/replay", nil).want(t, 409)
	c.do("POST", "/webhooks/ours/dead-letters/x/replay", nil).want(t, 404)
	c.do("DELETE", "/webhooks/ours/dead-letters/a", nil).want(t, 204)
	c.do("DELETE", "/webhooks/ours/dead-letters/a", nil).want(t, 404)
	if a := c.do("GET", "/webhooks/ours/dead-letters", nil).want(t, 200); len(a.items()) != 1 {
		t.Errorf("%s", a.raw)
	}
	r.as(identity.Operator).do("DELETE", "/webhooks/ours/dead-letters/b", nil).want(t, 403)
}
