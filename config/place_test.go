package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMistakesOfMeaningAreToldWithTheirLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tandem.yaml")
	text := `http: nowhere
sip:
  devices:
    - name: kitchen
      password: x
    - name: kitchen
      caller_id: "1"
google_voice:
  - name: home
    ring:
      - device: attic
outbound:
  - account: office
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(file)
	for _, want := range []string{
		":1:7: http: ", ":6:13: sip.devices[1].name: ", ":6:7: sip.devices[1].password: ",
		":11:17: google_voice[0].ring[0].device: ", ":13:14: outbound[0].account: ",
	} {
		if err == nil || !strings.Contains(err.Error(), file+want) {
			t.Errorf("no %q in:\n%v", want, err)
		}
	}
}
