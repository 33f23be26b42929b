package gvoice

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// consent is a code that stands for somebody's consent (RFC 6749 section 4.1).
type consent struct {
	account   *account
	client    string
	redirect  string
	challenge string // RFC 7636
	until     time.Time
}

const (
	codeLife    = time.Minute
	maxConsents = 1000
	voiceScope  = "https://www.googleapis.com/auth/googlevoice"
)

// serveConsent is the authorization endpoint. Its person consents at once: whose account it
// is, login_hint says (a number), else it is the first of the client. What is wrong with
// the request is refused before the browser is sent anywhere when client or address are in
// doubt (RFC 6749 section 4.1.2.1), else by the address that was given.
func (s *Server) serveConsent(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	a := s.consenting(q.Get("client_id"), q.Get("login_hint"))
	redirect, err := url.Parse(q.Get("redirect_uri"))
	switch {
	case a == nil:
		s.noConsent(w, "no account has this client_id")
		return
	case err != nil || !goodRedirect(redirect), len(a.Redirects) > 0 && !slices.Contains(a.Redirects, q.Get("redirect_uri")):
		s.noConsent(w, "redirect_uri is none that the client has registered, no https, or has a fragment")
		return
	}
	back := url.Values{"state": {q.Get("state")}}
	if why := wrongConsent(q); why != "" {
		s.refuse(Refusal{Rule: "GV-S5", Action: "refused invalid_request", What: "authorization request", Reason: why})
		back.Set("error", "invalid_request")
		back.Set("error_description", why)
	} else {
		back.Set("code", s.newConsent(a, q))
		back.Set("scope", voiceScope)
	}
	redirect.RawQuery = back.Encode()
	w.Header().Set("Location", redirect.String())
	w.WriteHeader(http.StatusFound)
}

func (s *Server) consenting(client, number string) *account {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range slices.Sorted(maps.Keys(s.accounts)) {
		if a := s.accounts[n]; client != "" && a.ClientID == client && (number == "" || number == a.Number) {
			return a
		}
	}
	return nil
}

func goodRedirect(u *url.URL) bool {
	ip, err := netip.ParseAddr(u.Hostname())
	local := u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
	return u.Host != "" && u.User == nil && u.Fragment == "" && (u.Scheme == "https" || u.Scheme == "http" && local)
}

func wrongConsent(q url.Values) string {
	sum, err := base64.RawURLEncoding.DecodeString(q.Get("code_challenge"))
	switch {
	case q.Get("response_type") != "code":
		return "response_type is not code"
	case !slices.Contains(strings.Fields(q.Get("scope")), voiceScope):
		return "scope lacks " + voiceScope
	case q.Get("access_type") != "offline":
		return "without access_type=offline there is no refresh token"
	case len(q.Get("state")) < 20:
		return "state is missing, or can be guessed"
	case q.Get("code_challenge_method") != "S256" || err != nil || len(sum) != sha256.Size:
		return "code_challenge is none of the method S256 (RFC 7636)"
	}
	return ""
}

func (s *Server) noConsent(w http.ResponseWriter, why string) {
	s.refuse(Refusal{Rule: "GV-S5", Action: "refused 400", What: "authorization request", Reason: why})
	http.Error(w, why, http.StatusBadRequest)
}

func (s *Server) newConsent(a *account, q url.Values) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.consents == nil {
		s.consents = make(map[string]*consent)
	}
	maps.DeleteFunc(s.consents, func(_ string, c *consent) bool { return time.Now().After(c.until) })
	if len(s.consents) >= maxConsents {
		clear(s.consents)
	}
	code := "4/" + rand.Text()
	s.consents[code] = &consent{a, q.Get("client_id"), q.Get("redirect_uri"), q.Get("code_challenge"), time.Now().Add(codeLife)}
	return code
}

// redeem is the authorization_code grant: a refresh token for a code, once.
func (s *Server) redeem(w http.ResponseWriter, f map[string]string) {
	s.mu.Lock()
	c := s.consents[f["code"]]
	delete(s.consents, f["code"])
	s.mu.Unlock()
	sum := sha256.Sum256([]byte(f["code_verifier"]))
	switch {
	case c == nil || time.Now().After(c.until):
		s.tokenError(w, http.StatusBadRequest, "invalid_grant", "the code is not known, was used, or is too old")
	case c.client != f["client_id"] || c.account.ClientSecret != f["client_secret"]:
		s.tokenError(w, http.StatusUnauthorized, "invalid_client", "the code is another client's, or client_secret is wrong")
	case c.redirect != f["redirect_uri"]:
		s.tokenError(w, http.StatusBadRequest, "redirect_uri_mismatch", "redirect_uri is not that of the authorization request")
	case c.challenge != base64.RawURLEncoding.EncodeToString(sum[:]):
		s.tokenError(w, http.StatusBadRequest, "invalid_grant", "code_verifier does not fit code_challenge")
	default:
		s.answerToken(w, map[string]string{"client_id": f["client_id"], "client_secret": f["client_secret"], "refresh_token": c.account.RefreshToken}, c.account.RefreshToken)
	}
}
