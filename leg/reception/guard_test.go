package reception

import (
	"testing"
	"time"
)

func TestWhoIsAllowedIsNeverTurnedAway(t *testing.T) {
	conf := Config{Name: "front", Guard: GuardConfig{Wrong: 2, Allow: []string{"pbx"}}}
	g, d := new(guard), &desk{Config: conf.withDefaults()}
	now := time.Now()
	for range 10 {
		g.wrong(d, "pbx", now)
		g.wrong(d, "kitchen", now)
	}
	if err := g.admit(d, "pbx", now); err != nil {
		t.Errorf("the PBX: %v", err)
	}
	if err := g.admit(d, "kitchen", now); err == nil {
		t.Error("the device that tries IDs was let in")
	}
}
