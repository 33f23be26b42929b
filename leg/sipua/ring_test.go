package sipua_test

import (
	"strings"
	"testing"

	"tandem/sip/dialog"
)

func TestAPhoneThatInsistsOnEncryptionIsAskedAgain(t *testing.T) {
	for _, row := range []struct {
		name, profile string
		refusals      []int // at the first call; the second call knows
	}{
		{"keys in the description", "RTP/SAVP ", []int{488, 488, 488}},
		{"keys in the description, and no word for DTLS", "RTP/SAVP ", []int{488, 480, 500}},
		{"DTLS", "UDP/TLS/RTP/SAVPF ", []int{488}},
		{"DTLS without feedback", "UDP/TLS/RTP/SAVP ", []int{488, 488}},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t, devices("100", "200"))
			a, b := r.phone("100", "udp"), r.phone("200", "udp")
			b.mustRegister()
			for _, refusals := range [][]int{row.refusals, nil} {
				out := a.dial("200")
				for _, status := range refusals {
					in := b.rings()
					if strings.Contains(string(in.Request().Body), " "+row.profile) {
						t.Fatalf("%s came before it was needed", row.profile)
					}
					in.Reject(status, "")
				}
				in := b.rings()
				if !strings.Contains(string(in.Request().Body), "m=audio ") || !strings.Contains(string(in.Request().Body), " "+row.profile) {
					t.Errorf("no %s in\n%s", row.profile, in.Request().Body)
				}
				in.Progress(180, nil, false)
				if p := wait[dialog.Provisional](out); p.Status != 180 && p.Status != 100 {
					t.Errorf("provisional %d", p.Status)
				}
				in.Reject(486, "")
				if no := wait[dialog.Refused](out); no.Status != 486 {
					t.Errorf("refused with %d, want 486", no.Status)
				}
			}
		})
	}
}

func TestAPhoneThatTakesNoMediaIsNotAskedForEver(t *testing.T) {
	r := newRig(t, devices("100", "200"))
	a, b := r.phone("100", "udp"), r.phone("200", "udp")
	b.mustRegister()
	out := a.dial("200")
	for _, status := range []int{488, 480, 488, 480} {
		b.rings().Reject(status, "")
	}
	if no := wait[dialog.Refused](out); no.Status != 488 {
		t.Errorf("refused with %d, want 488", no.Status)
	}
}

func TestAPhoneThatDoesNotAnswerIsNotAskedForOtherMedia(t *testing.T) {
	r := newRig(t, devices("100", "200"))
	a, b := r.phone("100", "udp"), r.phone("200", "udp")
	b.mustRegister()
	out := a.dial("200")
	b.rings().Reject(480, "")
	if no := wait[dialog.Refused](out); no.Status != 480 {
		t.Errorf("refused with %d, want 480", no.Status)
	}
}
