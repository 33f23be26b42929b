package auth

import (
	"testing"

	"tandem/sip"
)

// What one REGISTER with a password costs: a challenge, and the check of the answer.
func BenchmarkChallengeAndCheck(b *testing.B) {
	s := &Server{Realm: "example.com", MaxNonces: 1 << 30, Lookup: func(string) (Account, bool) { return Account{Password: "secret"}, true }}
	uri, err := sip.ParseURI("sip:example.com")
	if err != nil {
		b.Fatal(err)
	}
	req := sip.NewRequest("REGISTER", uri)
	req.Add("CSeq", "1 REGISTER")
	c := &Client{Username: "phone", Password: "secret", Realms: []string{s.Realm}}
	b.ReportAllocs()
	for b.Loop() {
		answer, err := c.Authorize(req, s.Challenge(req, false))
		if err != nil {
			b.Fatal(err)
		}
		if _, result := s.Check(answer); result != Accepted {
			b.Fatal(result)
		}
	}
}
