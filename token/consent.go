package token

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"

	"golang.org/x/oauth2"
)

// GoogleConsentURL is where people consent to what a program may do with their
// Google account.
const GoogleConsentURL = "https://accounts.google.com/o/oauth2/v2/auth"

// VoiceScope is what a consent for Google Voice is for; users of the telephony edge ran
// with it alone (google-voice.md §5).
const VoiceScope = "https://www.googleapis.com/auth/googlevoice"

// A Consent asks somebody to let this gateway use their Google Voice account, with an
// OAuth client of their own: authorization code with PKCE (RFC 6749 §4.1, RFC 7636).
type Consent struct {
	ClientID     string
	ClientSecret Secret
	AuthorizeURL string      // where people consent; empty is GoogleConsentURL
	TokenURL     string      // empty is GoogleURL
	RedirectURL  string      // where the browser is sent back to
	Hint         string      // which account, if it is known
	TLS          *tls.Config // own roots for simulators; nil is the system's
	Private      bool        // TokenURL may be in a private network, or on this machine
}

// A Pending consent waits for the browser to come back. It holds secrets.
type Pending struct {
	URL   string // where to send the browser
	State string // what it has to bring back

	consent  Consent
	verifier string
}

// Validate says which field cannot be.
func (c *Consent) Validate() error {
	if c.ClientID == "" {
		return errors.New("client_id: enter the ID of your OAuth client")
	}
	for field, text := range map[string]string{"authorize_url": c.AuthorizeURL, "token_url": c.TokenURL, "redirect_url": c.RedirectURL} {
		if text == "" && field != "redirect_url" {
			continue
		}
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
			return fmt.Errorf("%s: %q is no https address (plain http is for this machine only)", field, text)
		}
	}
	return nil
}

// Begin returns where to send the browser.
func (c Consent) Begin() (*Pending, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	p := &Pending{State: oauth2.GenerateVerifier(), consent: c, verifier: oauth2.GenerateVerifier()}
	options := []oauth2.AuthCodeOption{oauth2.AccessTypeOffline, oauth2.S256ChallengeOption(p.verifier), oauth2.SetAuthURLParam("prompt", "consent")}
	if c.Hint != "" {
		options = append(options, oauth2.SetAuthURLParam("login_hint", c.Hint))
	}
	p.URL = c.flow().AuthCodeURL(p.State, options...)
	return p, nil
}

func (c *Consent) flow() *oauth2.Config {
	e := oauth2.Endpoint{AuthURL: c.AuthorizeURL, TokenURL: c.TokenURL, AuthStyle: oauth2.AuthStyleInParams}
	if e.AuthURL == "" {
		e.AuthURL = GoogleConsentURL
	}
	if e.TokenURL == "" {
		e.TokenURL = GoogleURL
	}
	return &oauth2.Config{ClientID: c.ClientID, ClientSecret: c.ClientSecret.Reveal(), Endpoint: e, RedirectURL: c.RedirectURL, Scopes: []string{VoiceScope}}
}

// Resume makes a pending consent again of what [Pending.Verifier] and the consent were
// when it began, wherever that was.
func (c Consent) Resume(state, verifier string) *Pending {
	return &Pending{State: state, consent: c, verifier: verifier}
}

// Verifier is the secret that proves who began (RFC 7636). It is for who keeps the
// consent meanwhile, sealed.
func (p *Pending) Verifier() Secret { return Secret(p.verifier) }

// ErrState means that what came back is not the answer to this question.
var ErrState = errors.New("what came back does not belong to this consent; begin again")

// Finish exchanges the code that the browser came back with for a refresh token.
func (p *Pending) Finish(ctx context.Context, code, state string) (Secret, error) {
	if !Secret(p.State).Equal(Secret(state)) {
		return "", ErrState
	}
	// Its client has the bounds and the care that are right for secrets.
	s := &Source{TLS: p.consent.TLS, URL: p.consent.TokenURL, Private: p.consent.Private}
	s.once.Do(s.makeClient)
	s.client.Timeout = exchangeTimeout
	t, err := p.consent.flow().Exchange(context.WithValue(ctx, oauth2.HTTPClient, s.client), code, oauth2.VerifierOption(p.verifier))
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused):
		return "", &StatusError{Status: refused.Response.StatusCode, Code: line(refused.ErrorCode, 100), Description: line(refused.ErrorDescription, 300)}
	case err != nil:
		return "", fmt.Errorf("the code was not exchanged: %w", timeoutOr(err))
	case t.RefreshToken == "":
		return "", errors.New("there was no refresh token in Google's answer: remove this program's access in your Google account's settings, and consent again")
	}
	return Secret(t.RefreshToken), nil
}
