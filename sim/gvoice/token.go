package gvoice

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// accessToken is one token the endpoint has issued.
type accessToken struct {
	account *account
	expires time.Time
}

// tokenLength makes the answer larger than 1 KiB, as Google's was.
const tokenLength = 1000

func (s *Server) tokenHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth2/v3/token", s.serveToken)
	mux.HandleFunc("POST /token", s.serveToken)
	mux.HandleFunc("GET /o/oauth2/v2/auth", s.serveConsent)
	return mux
}

// serveToken is the refresh_token grant (RFC 6749 section 6, GV-S5).
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	if f, on := s.fault(TokenSlow, "", ""); on {
		select {
		case <-time.After(or(f.Delay, 11*time.Second)):
		case <-r.Context().Done():
			return
		case <-s.ctx.Done():
			return
		}
	}
	if f, on := s.fault(TokenError, "", ""); on {
		http.Error(w, "fault token-error", or(f.Status, http.StatusServiceUnavailable))
		return
	}
	if _, on := s.fault(TokenGarbage, "", ""); on {
		_, _ = io.WriteString(w, "<html>not what you wanted</html>")
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 16<<10))
	if err != nil {
		return
	}
	s.grant(w, form(string(body)))
}

// form reads a form body that may not be URL-encoded: Asterisk sends its values
// as they are (reference, section 20).
func form(body string) map[string]string {
	out := map[string]string{}
	for pair := range strings.SplitSeq(body, "&") {
		k, v, _ := strings.Cut(pair, "=")
		if strings.Contains(v, "%") {
			if plain, err := url.QueryUnescape(v); err == nil {
				v = plain
			}
		}
		out[k] = v
	}
	return out
}

func (s *Server) grant(w http.ResponseWriter, f map[string]string) {
	switch f["grant_type"] {
	case "refresh_token":
	case "authorization_code":
		s.redeem(w, f)
		return
	default:
		s.tokenError(w, http.StatusBadRequest, "unsupported_grant_type", "grant_type is "+f["grant_type"])
		return
	}
	if _, on := s.fault(TokenInvalidGrant, "", ""); on {
		s.tokenError(w, http.StatusBadRequest, "invalid_grant", "fault token-invalid-grant")
		return
	}
	s.answerToken(w, f, "")
}

// answerToken writes an access token, and with a consent the refresh token.
func (s *Server) answerToken(w http.ResponseWriter, f map[string]string, refresh string) {
	token, code, why := s.issue(f)
	if code != "" {
		status := http.StatusBadRequest
		if code == "invalid_client" {
			status = http.StatusUnauthorized
		}
		s.tokenError(w, status, code, why)
		return
	}
	answer := map[string]any{
		"access_token": token, "expires_in": int(s.cfg.Timing.TokenLife.Seconds()), "token_type": "Bearer", "scope": voiceScope,
	}
	if refresh != "" {
		answer["refresh_token"] = refresh
	}
	writeJSON(w, http.StatusOK, answer)
}

// issue makes an access token, or says with which error code it is refused.
func (s *Server) issue(f map[string]string) (token, code, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.accounts {
		if a.RefreshToken != f["refresh_token"] {
			continue
		}
		if a.ClientID != f["client_id"] || a.ClientSecret != f["client_secret"] {
			return "", "invalid_client", "the refresh token was issued to another client"
		}
		maps.DeleteFunc(s.issued, func(_ string, t *accessToken) bool { return time.Since(t.expires) > time.Hour })
		if len(s.issued) >= maxTokens {
			return "", "temporarily_unavailable", "too many access tokens are alive"
		}
		token = "ya29."
		for len(token) < tokenLength {
			token += rand.Text()
		}
		a.tokens++
		s.issued[token] = &accessToken{a, time.Now().Add(s.cfg.Timing.TokenLife)}
		return token, "", ""
	}
	return "", "invalid_grant", "no account has this refresh token"
}

func (s *Server) tokenError(w http.ResponseWriter, status int, code, why string) {
	s.refuse(Refusal{Rule: "GV-S5", Action: "refused " + code, What: "token request", Reason: why})
	writeJSON(w, status, map[string]string{"error": code, "error_description": why})
}

// expireTokens kills every token issued so far (GV-S46).
func (s *Server) expireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.issued {
		t.expires = time.Time{}
	}
}

// accountOf is the account of a live token.
func (s *Server) accountOf(token string) (*account, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.issued[token]
	switch {
	case token == "":
		return nil, "the token is empty"
	case !ok:
		return nil, "the token was not issued here"
	case time.Now().After(t.expires):
		return nil, "the token has expired"
	}
	return t.account, ""
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(v)
}
