package meet

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	_ "embed" // the page
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"time"
)

// A visitor is a browser in a meeting: a page of the control endpoint whose script joins
// by the same contract as a gateway. What a browser cannot have, a gateway's key, stays
// here: the page asks for a token.

//go:embed visitor.html
var visitorPage string

// visitorName is the gateway that browsers seem to come from.
const visitorName = "visitors.tandem.example"

// visitors adds the page, its tokens and the edge's API, which it calls where it came
// from.
func (s *Server) visitors(mux *http.ServeMux) {
	mux.HandleFunc("GET /visit/{id}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, visitorPage)
	})
	mux.HandleFunc("POST /visitors/{id}/token", s.visitorToken)
	mux.Handle("/v1/", s.edgeHandler())
}

// visitorToken answers what a browser needs to join a meeting.
func (s *Server) visitorToken(w http.ResponseWriter, r *http.Request) {
	access := s.accessFor(r.PathValue("id"))
	if access == "" {
		http.Error(w, "there is no such meeting, or no access token for it", http.StatusNotFound)
		return
	}
	g, err := s.NewGateway(visitorName, GatewayCert{})
	if err == nil {
		var token string
		if token, err = g.Token(time.Now()); err == nil {
			writeJSON(w, http.StatusOK, map[string]string{"gateway": token, "access": access})
			return
		}
	}
	http.Error(w, err.Error(), http.StatusInternalServerError)
}

// accessFor is a good access token of a meeting's tenant, a trusted one if there is one.
func (s *Server) accessFor(alias string) string {
	m := s.meeting(alias)
	if m == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	best := ""
	for _, t := range s.tokens {
		if !t.Revoked && t.Type == "" && t.Tenant == m.conf.Tenant && (best == "" || t.Trusted) {
			best = t.Value
		}
	}
	return best
}

// Token makes a gateway token (section 2.1) that is good for an hour.
func (g Gateway) Token(now time.Time) (string, error) {
	block, _ := pem.Decode(g.KeyPEM)
	if block == nil {
		return "", errors.New("the gateway has no key")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return "", err
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return "", errors.New("the gateway's key is not of P-256")
	}
	var chain []string
	for rest := g.ChainPEM; ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		chain = append(chain, base64.StdEncoding.EncodeToString(b.Bytes))
	}
	header, err := part(map[string]any{"alg": "ES256", "typ": "JWT", "x5c": chain})
	if err != nil {
		return "", err
	}
	claims, err := part(map[string]any{
		"iss": g.Name, "sub": g.Name, "aud": Audience, "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(), "jti": rand.Text(),
	})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(header + "." + claims))
	r, v, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		return "", err
	}
	var signature [64]byte
	r.FillBytes(signature[:32])
	v.FillBytes(signature[32:])
	return header + "." + claims + "." + base64.RawURLEncoding.EncodeToString(signature[:]), nil
}

func part(v any) (string, error) {
	b, err := json.Marshal(v)
	return base64.RawURLEncoding.EncodeToString(b), err
}
