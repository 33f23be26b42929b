package api

import (
	"context"
	"errors"
	"net/http"
	"os"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tandem/identity"
	"tandem/leg/gvoice"
	"tandem/token"
)

type (
	certificate struct {
		Subject   string    `json:"subject"`
		Issuer    string    `json:"issuer,omitempty"`
		Key       string    `json:"key,omitempty"`
		NotBefore time.Time `json:"not_before"`
		Expires   time.Time `json:"expires"`
	}
	gatewayToken struct {
		State   string       `json:"state" enum:"off,none,requested,active,expired" doc:"off: meet.gateway_token names no folder."`
		Subject string       `json:"subject,omitempty"`
		Expires time.Time    `json:"expires,omitzero"`
		Active  *certificate `json:"active,omitempty"`
		Staged  *certificate `json:"staged,omitempty" doc:"Takes over when the active one ends, or when it is told to."`
		Pending *struct{}    `json:"pending,omitempty" doc:"A request was made and is not answered yet."`
	}
	gatewayTokenOutput struct{ Body gatewayToken }
	csrInput           struct {
		Body struct {
			Name string `json:"name,omitempty" maxLength:"64" doc:"Of this gateway in its tokens; default the host name."`
			RSA  bool   `json:"rsa,omitempty" doc:"A key of 2048 bits RSA instead of P-256."`
		}
	}
	csrOutput struct {
		Body struct {
			CSR string `json:"csr" doc:"PEM (RFC 2986)."`
		}
	}
	certificateInput struct {
		Body struct {
			PEM string `json:"pem" maxLength:"262144" doc:"The certificate that came back, and its chain."`
			Now bool   `json:"now,omitempty" doc:"Put it in force although another one is good."`
		}
	}
	testOutput struct {
		Body struct {
			OK    bool   `json:"ok"`
			Text  string `json:"text"`
			State string `json:"state,omitempty" doc:"Of the account with Google."`
			Took  int64  `json:"took_ms"`

			Steps   []testStep   `json:"steps" doc:"What was tried, in order."`
			Devices []testDevice `json:"devices" doc:"What Google's settings page lists for this account, as far as it is known here: this gateway itself."`
		}
	}
	testStep struct {
		Name string `json:"name" enum:"token,registration,answer"`
		OK   bool   `json:"ok"`
		Text string `json:"text"`
		Took int64  `json:"took_ms"`
	}
	testDevice struct {
		User       string    `json:"user" doc:"SIP user name."`
		Label      string    `json:"label" doc:"Name on Google's settings page."`
		Registered bool      `json:"registered"`
		Since      time.Time `json:"since"`
		Proxy      string    `json:"proxy,omitempty" doc:"Where it is connected."`
		Node       string    `json:"node,omitempty" doc:"The machine that holds it, when it is another one."`
	}
)

func (s *Server) registerTokens() {
	const tag = "token"
	huma.Register(s.api, operation(identity.Read, http.MethodGet, "/gateway-token", "get-gateway-token", tag, "Show the gateway token for Google Meet"),
		func(context.Context, *struct{}) (*gatewayTokenOutput, error) {
			g := s.Gateway.GatewayToken()
			if g == nil {
				return &gatewayTokenOutput{gatewayToken{State: "off"}}, nil
			}
			return tokenAnswer(g.Status(), g.Load())
		})
	op := changesToken(http.MethodPost, "/csr", "request-gateway-token", "Make a key and a certificate signing request")
	huma.Register(s.api, op, s.requestToken)
	op = changesToken(http.MethodPut, "/certificate", "install-gateway-token", "Install the certificate that came back")
	huma.Register(s.api, op, s.installToken)
	op = changesToken(http.MethodPost, "/activate", "activate-gateway-token", "Put the staged certificate in force")
	huma.Register(s.api, op, func(context.Context, *struct{}) (*gatewayTokenOutput, error) {
		return s.withToken((*token.Gateway).Activate)
	})
	op = changesToken(http.MethodDelete, "/staged", "discard-gateway-token", "Throw the staged certificate away")
	huma.Register(s.api, op, func(context.Context, *struct{}) (*gatewayTokenOutput, error) {
		return s.withToken((*token.Gateway).Discard)
	})
	op = operation(identity.Configure, http.MethodPost, "/google-voice/{name}/test", "test-google-voice", tag, "Try the credentials of a Google Voice account")
	huma.Register(s.api, op, s.testAccount)
}

func changesToken(method, path, id, summary string) huma.Operation {
	op := operation(identity.Configure, method, "/gateway-token"+path, id, "token", summary)
	op.Errors = append(op.Errors, http.StatusConflict, http.StatusUnprocessableEntity)
	return op
}

var errNoTokenFolder = huma.Error409Conflict("meet.gateway_token names no folder for the key and the certificate; set it in the settings of Google Meet first")

func (s *Server) withToken(f func(*token.Gateway) (token.GatewayStatus, error)) (*gatewayTokenOutput, error) {
	g := s.Gateway.GatewayToken()
	if g == nil {
		return nil, errNoTokenFolder
	}
	return tokenAnswer(f(g))
}

func tokenAnswer(status token.GatewayStatus, err error) (*gatewayTokenOutput, error) {
	if errors.Is(err, token.ErrNotStaged) {
		return nil, huma.Error409Conflict(err.Error())
	}
	if err != nil {
		return nil, huma.Error422UnprocessableEntity(err.Error(), &huma.ErrorDetail{Location: "body.pem", Message: err.Error()})
	}
	out := gatewayToken{State: "none", Active: certificateOf(status.Active), Staged: certificateOf(status.Staged)}
	if status.Requested {
		out.State, out.Pending = "requested", &struct{}{}
	}
	if out.Active != nil {
		out.State, out.Subject, out.Expires = "active", out.Active.Subject, out.Active.Expires
		if out.Expires.Before(time.Now()) {
			out.State = "expired"
		}
	}
	return &gatewayTokenOutput{out}, nil
}

func certificateOf(c token.CertificateStatus) *certificate {
	if !c.Installed {
		return nil
	}
	return &certificate{Subject: c.Subject, Issuer: c.Issuer, Key: c.Key, NotBefore: c.From, Expires: c.Until}
}

func (s *Server) requestToken(_ context.Context, in *csrInput) (*csrOutput, error) {
	g := s.Gateway.GatewayToken()
	if g == nil {
		return nil, errNoTokenFolder
	}
	name := in.Body.Name
	if name == "" {
		name, _ = os.Hostname()
	}
	csr, err := g.Request(name, in.Body.RSA)
	if err != nil {
		return nil, huma.Error422UnprocessableEntity(err.Error(), &huma.ErrorDetail{Location: "body.name", Message: err.Error()})
	}
	out := new(csrOutput)
	out.Body.CSR = string(csr)
	return out, nil
}

func (s *Server) installToken(_ context.Context, in *certificateInput) (*gatewayTokenOutput, error) {
	return s.withToken(func(g *token.Gateway) (token.GatewayStatus, error) {
		return g.Install([]byte(in.Body.PEM), in.Body.Now)
	})
}

// tryTime is how long Google may take for an access token.
const tryTime = 20 * time.Second

func (s *Server) testAccount(ctx context.Context, in *nameInput) (*testOutput, error) {
	out := new(testOutput)
	b := &out.Body
	b.Steps, b.Devices = []testStep{}, []testDevice{}
	known := false
	for _, a := range s.Gateway.Accounts() {
		if a.Account == in.Name {
			known, b.State = true, a.State.String()
			b.Devices = append(b.Devices, testDevice{a.User, a.Label, a.State == gvoice.Registered, a.Since, a.Proxy, a.Node})
		}
	}
	if !known {
		return nil, huma.Error404NotFound("there is no Google Voice account of this name")
	}
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	began := time.Now()
	b.OK = true
	for _, c := range s.Gateway.TestAccount(ctx, in.Name) {
		b.Steps = append(b.Steps, testStep{c.Name, c.OK, clip(c.Text, 500), c.Took.Milliseconds()})
		if b.OK { // the first that is wrong says what to do
			b.OK, b.Text = c.OK, clip(c.Text, 500)
		}
	}
	b.Took = time.Since(began).Milliseconds()
	return out, nil
}
