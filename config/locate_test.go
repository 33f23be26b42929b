package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A service is started in another directory than a shell; the files beside the
// configuration must be found all the same.
func TestFilesAreLookedForBesideTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "tandem.yaml")
	text := `
sip:
  listen:
    - {network: tls, addr: ":0", cert: cert.pem, key: /etc/key.pem}
  trunks:
    - {name: pbx, server: pbx.example.com, roots: ca/pbx.pem}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	l := c.SIP.Listen[0]
	if l.Cert != filepath.Join(dir, "cert.pem") || l.Key != "/etc/key.pem" || c.SIP.Trunks[0].Roots != filepath.Join(dir, "ca", "pbx.pem") {
		t.Errorf("got %s, %s, %s", l.Cert, l.Key, c.SIP.Trunks[0].Roots)
	}
}

func TestAMissingConfigurationSaysWhereToBegin(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "tandem.yaml"))
	if err == nil || !strings.Contains(err.Error(), "01-getting-started") {
		t.Errorf("got %v", err)
	}
}

func TestTheGatewayTokenIsKeptBesideTheStore(t *testing.T) {
	for _, row := range []struct{ about, store, key, folder, want string }{
		{"the default store", "", "", "", "gateway-token"},
		{"a file elsewhere", "sqlite:/var/lib/tandem/tandem.db", "", "", "/var/lib/tandem/gateway-token"},
		{"a key elsewhere, where nothing may be written", "sqlite:/var/lib/tandem/tandem.db", "/etc/tandem/key", "", "/var/lib/tandem/gateway-token"},
		{"a server", "postgres://db.example.com/tandem", "", "", "gateway-token"},
		{"a folder of its own", "sqlite:/var/lib/tandem/tandem.db", "", "/srv/token", "/srv/token"},
	} {
		c := &Config{Store: row.store, Key: row.key}
		c.Meet.Gateway = row.folder
		if got := c.Meetings().Gateway; got != row.want {
			t.Errorf("%s: got %q, want %q", row.about, got, row.want)
		}
	}
}
