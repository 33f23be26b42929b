package gvoice_test

import (
	"strings"
	"testing"

	"tandem/leg/gvoice"
	sim "tandem/sim/gvoice"
)

func TestAnAccountIsTestedAsFarAsItGoes(t *testing.T) {
	edge := newEdge(t, sim.Options{OptionsRoute: true})
	r := newRig(t, edge)
	r.registered("home")
	account := r.account("home", homeNumber)
	all := r.voice.Test(t.Context(), account)
	if len(all) != 3 || !all[0].OK || !all[1].OK || !all[2].OK || !strings.Contains(all[2].Text, "OPTIONS") {
		t.Errorf("%+v", all)
	}
	account.RefreshToken = "revoked"
	all = r.voice.Test(t.Context(), account)
	if all[0].OK || !strings.Contains(all[0].Text, "no longer accepted") && !strings.Contains(all[0].Text, "invalid_grant") || !all[1].OK {
		t.Errorf("%+v", all)
	}
	account.Name = "new"
	if all = r.voice.Test(t.Context(), account); len(all) != 2 || all[1].OK {
		t.Errorf("an account that is not in force: %+v", all)
	}
	var s gvoice.Status
	for _, one := range r.voice.Status() {
		if one.Account == "home" {
			s = one
		}
	}
	if s.User == "" || s.Label == "" {
		t.Errorf("the status names no device: %+v", s)
	}
}
