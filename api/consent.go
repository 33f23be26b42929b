package api

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tandem/config"
	"tandem/control"
	"tandem/identity"
	"tandem/leg/gvoice"
	"tandem/token"
)

type (
	consentInput struct {
		Origin string `header:"Origin" hidden:"true"`
		Body   struct {
			Account      string `json:"account" minLength:"1" maxLength:"64" doc:"Name of the account; one that is not there yet is made when the consent is given."`
			Number       string `json:"number,omitempty" maxLength:"20" doc:"E.164, for a new account."`
			Profile      string `json:"profile,omitempty" maxLength:"20" doc:"For a new account."`
			ClientID     string `json:"client_id,omitempty" maxLength:"200" doc:"Of your own OAuth client; default that of the account."`
			ClientSecret string `json:"client_secret,omitempty" maxLength:"200" writeOnly:"true" doc:"Default that of the account, when client_id is the same."`
			RedirectURL  string `json:"redirect_url" minLength:"1" maxLength:"500" doc:"Where the browser is sent back to: this page's own address, as the OAuth client has registered it."`
			AuthorizeURL string `json:"authorize_url,omitempty" maxLength:"500" doc:"Default Google's; for simulators."`
			TokenURL     string `json:"token_url,omitempty" maxLength:"500" doc:"Default that of the account, else Google's."`
			Private      bool   `json:"allow_private,omitempty" doc:"token_url may be in a private network, or on this machine, as a simulator is; default that of the account."`
		}
	}
	consentOutput struct {
		Body struct {
			URL     string    `json:"url" doc:"Send the browser there."`
			State   string    `json:"state" doc:"Comes back with the code."`
			Expires time.Time `json:"expires"`
		}
	}
	consentAnswer struct {
		Comment string `header:"X-Change-Comment" maxLength:"500"`
		Body    struct {
			State string `json:"state" minLength:"1" maxLength:"200"`
			Code  string `json:"code,omitempty" maxLength:"4000"`
			Error string `json:"error,omitempty" maxLength:"200" doc:"What Google sent instead of a code."`
		}
	}
	consentDone struct {
		Body struct {
			Account string `json:"account"`
			Version int64  `json:"version" doc:"Of the configuration."`
		}
	}
)

func (s *Server) registerConsent() {
	const tag = "config"
	op := operation(identity.Configure, http.MethodPost, "/google-voice-consent", "begin-consent", tag, "Begin to ask for consent to use a Google Voice account")
	op.DefaultStatus = http.StatusCreated
	op.Errors = append(op.Errors, http.StatusConflict)
	huma.Register(s.api, op, s.beginConsent)
	op = operation(identity.Configure, http.MethodPost, "/google-voice-consent/finish", "finish-consent", tag, "Take the consent that was given, and keep its refresh token in the account")
	op.Errors = append(op.Errors, http.StatusConflict, http.StatusBadGateway, http.StatusNotFound)
	huma.Register(s.api, op, s.finishConsent)
}

func (s *Server) beginConsent(ctx context.Context, in *consentInput) (*consentOutput, error) {
	b := in.Body
	c, _ := s.Config.Current()
	if !c.Managed {
		return nil, changeProblem(control.ErrReadOnly, "google_voice")
	}
	a := gvoice.Account{Name: b.Account, Number: b.Number, Profile: b.Profile}
	for _, one := range c.Voice {
		if one.Name == b.Account {
			a = one.Account
		}
	}
	if b.ClientID != "" && b.ClientID != a.ClientID {
		a.ClientID, a.ClientSecret = b.ClientID, ""
	}
	if b.ClientSecret != "" && b.ClientSecret != config.Mask {
		a.ClientSecret = token.Secret(b.ClientSecret)
	}
	if b.TokenURL != "" {
		a.TokenURL = b.TokenURL
	}
	a.Private = a.Private || b.Private
	if err := a.Validate(); err != nil && a.Number == "" {
		return nil, wrongField("body.number", "a new account needs its number, such as +12025550123")
	}
	if !sameOrigin(in.Origin, b.RedirectURL) {
		return nil, wrongField("body.redirect_url", "the browser has to come back to this page: its address begins with "+in.Origin)
	}
	ask, err := consentOf(&a, b.AuthorizeURL, b.RedirectURL)
	if err != nil {
		return nil, wrongField("body.account", err.Error())
	}
	p, err := ask.Begin()
	if err != nil {
		field, text := splitField(err)
		return nil, wrongField("body."+field, text)
	}
	until := time.Now().Add(consentLife)
	waiting, err := s.consents()
	if err == nil {
		err = waiting.put(ctx, consent{p, a}, b.AuthorizeURL, b.RedirectURL, who(ctx).String(), until)
	}
	if err != nil {
		return nil, problem(err)
	}
	out := new(consentOutput)
	out.Body.URL, out.Body.State, out.Body.Expires = p.URL, p.State, until.UTC()
	return out, nil
}

func (s *Server) finishConsent(ctx context.Context, in *consentAnswer) (*consentDone, error) {
	waiting, err := s.consents()
	if err != nil {
		return nil, problem(err)
	}
	one, ok, err := waiting.take(ctx, in.Body.State, who(ctx).String())
	switch {
	case err != nil:
		return nil, problem(err)
	case !ok:
		return nil, huma.Error404NotFound("this consent was not begun here, was finished, or took longer than 15 minutes; begin again")
	case in.Body.Error == "access_denied":
		return nil, wrongField("body.error", "the consent was refused at Google; nothing is changed")
	case in.Body.Error != "" || in.Body.Code == "":
		return nil, wrongField("body.error", "Google sent no code: "+clip(in.Body.Error, 200))
	}
	refresh, err := one.Finish(ctx, in.Body.Code, in.Body.State)
	switch {
	case errors.Is(err, token.ErrInvalidClient):
		return nil, wrongField("body.code", "Google does not accept the OAuth client: check client_id and client_secret, and that the client has this page's address as a redirect URI")
	case err != nil:
		return nil, huma.Error502BadGateway(clip(err.Error(), 500))
	}
	one.account.RefreshToken = refresh
	v, err := s.change(ctx, s.author(ctx, in.Comment, "consent for the Google Voice account "+one.account.Name), 0, func(c *config.Config) error {
		for i := range c.Voice {
			if a := &c.Voice[i].Account; a.Name == one.account.Name {
				a.ClientID, a.ClientSecret, a.RefreshToken, a.TokenURL, a.Private = one.account.ClientID, one.account.ClientSecret, refresh, one.account.TokenURL, one.account.Private
				return nil
			}
		}
		c.Voice = append(c.Voice, config.VoiceAccount{Account: one.account})
		return nil
	})
	if err != nil {
		return nil, changeProblem(err, "google_voice")
	}
	out := new(consentDone)
	out.Body.Account, out.Body.Version = one.account.Name, v.Number
	return out, nil
}

func wrongField(location, text string) error {
	return huma.Error422UnprocessableEntity(text, &huma.ErrorDetail{Location: location, Message: text})
}

// sameOrigin reports whether an address is of the page that asks; programs say no origin.
func sameOrigin(origin, address string) bool {
	if origin == "" {
		return true
	}
	u, err := url.Parse(address)
	return err == nil && u.Scheme+"://"+u.Host == origin
}

// trustOf are the authorities of an account's own roots; nil is the system's.
func trustOf(roots string) (*tls.Config, error) {
	if roots == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(roots)
	if err != nil {
		return nil, errors.New("the file in roots cannot be read")
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("the file in roots holds no PEM certificate")
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}, nil
}
