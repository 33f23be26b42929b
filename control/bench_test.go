package control

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"testing"

	"tandem/config"
	"tandem/leg/sipua"
	"tandem/route"
	"tandem/store"
	"tandem/token"
)

// A change of one field in an office of 1,000 phones and 1,000 rules is in force in
// under a second (issue of the control plane).
func BenchmarkChange(b *testing.B) {
	dir := b.TempDir()
	db, err := store.Open(b.Context(), filepath.Join(dir, "test.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	key, err := store.OpenKey(filepath.Join(dir, "key"))
	if err != nil {
		b.Fatal(err)
	}
	c := base()
	for i := range 1000 {
		c.SIP.Devices = append(c.SIP.Devices, sipua.Device{Name: fmt.Sprintf("phone%d", i), Password: token.Secret(fmt.Sprintf("secret%d", i))})
		c.DialPlan.Rules = append(c.DialPlan.Rules, route.RuleConfig{
			Name: fmt.Sprintf("rule %d", i), Match: fmt.Sprintf(`\+1202555%04d`, i), To: []route.Target{{Device: fmt.Sprintf("phone%d", i)}},
		})
	}
	m := &Manager{DB: db, Secrets: &store.Secrets{DB: db, Key: key}, Base: c, Log: slog.New(slog.DiscardHandler)}
	if err := m.Open(b.Context()); err != nil {
		b.Fatal(err)
	}
	n := 0
	for b.Loop() {
		n++
		if _, err := m.Change(b.Context(), Author{Name: "bench"}, 0, func(c *config.Config) error {
			c.SIP.Devices[500].Display = strconv.Itoa(n)
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
}
