package sipua

import (
	"net"
	"testing"

	"tandem/sip"
	"tandem/sip/flow"
	"tandem/token"
)

// Whoever a trunk connects us to may ask for our password's digest in the middle
// of a call; only the trunk itself gets it (goals R-5).
func TestCredentialsGoToTheTrunkOnly(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	tr := &flow.Transport{Handler: func(*flow.Flow, *sip.Message) {}}
	defer tr.Close()
	f, err := tr.Adopt(ours, "tcp")
	if err != nil {
		t.Fatal(err)
	}
	trunk, err := new(Connector).newTrunk(Trunk{Name: "pbx", Server: "sip.carrier.example", Domain: "carrier.example", User: "me", Password: token.Secret("pw")})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, method, host, realm string
		answered                  bool
	}{
		{"the call itself", "INVITE", "carrier.example", "sip.carrier.example", true},
		{"the server's own name", "REGISTER", "sip.carrier.example", "sip.carrier.example", true},
		{"another realm", "INVITE", "carrier.example", "elsewhere.example", false},
		{"a callee that names its own host in its Contact", "BYE", "203.0.113.66", "sip.carrier.example", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			req := sip.NewRequest(row.method, sip.URI{Scheme: "sip", User: "x", Host: row.host})
			req.Add("CSeq", "1 "+row.method)
			no := sip.NewResponse(req, 401, "")
			no.Add("WWW-Authenticate", `Digest realm="`+row.realm+`", nonce="n", qop="auth"`)
			_, err := trunk.credentials(f, sip.URI{Scheme: "sip", Host: "carrier.example"}).Authorize(req, no)
			if (err == nil) != row.answered {
				t.Errorf("answered: %v, want %v", err, row.answered)
			}
		})
	}
}
