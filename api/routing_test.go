package api

import (
	"testing"

	"tandem/config"
	"tandem/leg/sipua"
	"tandem/route"
)

// What stands in via and from tells who calls. With neither it is a stranger; that
// once ended the gateway, by a recursion without end.
func TestARequestIsThatOfItsCaller(t *testing.T) {
	c := new(config.Config)
	c.SIP.Devices = []sipua.Device{{Name: "kitchen", CallerID: "+12025550123"}}
	for _, row := range []struct {
		name, via, from string
		wantVia, want   string
		registered, ok  bool
	}{
		{"nobody known", "", "", "", "", false, true},
		{"a stranger with a number", "", "+12025550150", "", "+12025550150", false, true},
		{"a device", "kitchen", "", "kitchen", "+12025550123", true, true},
		{"a device's name as the caller", "", "kitchen", "kitchen", "+12025550123", true, true},
		{"a device with another number", "kitchen", "+12025550199", "kitchen", "+12025550199", true, true},
		{"a name nobody has", "attic", "", "", "", false, false},
	} {
		got, err := RequestOf(c, config.Question{Via: row.via, Caller: row.from, To: "5550150"})
		ok := err == nil
		if ok != row.ok {
			t.Errorf("%s: got %v, want %v", row.name, err, row.ok)
			continue
		}
		if ok && (got.Via != row.wantVia || got.From != row.want || got.Registered != row.registered || got.Connector != route.SIP) {
			t.Errorf("%s: got %+v", row.name, got)
		}
	}
}
