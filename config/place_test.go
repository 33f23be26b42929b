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

func TestPortsAreNumbers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tandem.yaml")
	text := `http: "127.0.0.1:http"
sip:
  listen:
    - network: udp
      addr: 127.0.0.1:5061x
    - {network: tcp, addr: "127.0.0.1:70000", advertise: "sip.example:five"}
  trunks:
    - name: pbx
      server: pbx.example:5060x
google_voice:
  - name: home
    proxies: ["voice.example:5061", "voice.example:"]
    connect: "127.0.0.1"
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(file)
	for _, want := range []string{
		":1:7: http: ", ":5:13: sip.listen[0].addr: the port of \"127.0.0.1:5061x\" is no number", ":6:28: sip.listen[1].addr: ",
		":6:58: sip.listen[1].advertise: ", ":9:15: sip.trunks[0].server: ", ":12:37: google_voice[0].proxies[1]: ", ":13:14: google_voice[0].connect: ",
	} {
		if err == nil || !strings.Contains(err.Error(), file+want) {
			t.Errorf("no %q in:\n%v", want, err)
		}
	}
}
