package api

import (
	"context"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"tandem/identity"
)

const (
	cookieName = "tandem_session"
	csrfHeader = "X-CSRF-Token"

	maxBody     = 1 << 20 // octets
	maxDocument = 4 << 20 // of a whole configuration

	// scopeKey is where an operation says what its caller needs to be allowed.
	scopeKey = "x-tandem-scope"
)

// open is the scope of operations that anybody may call.
const open identity.Scope = ""

// operation describes one operation; scope is what its caller needs.
func operation(scope identity.Scope, method, path, id, tag, summary string) huma.Operation {
	o := huma.Operation{
		OperationID: id, Method: method, Path: prefix + path, Summary: summary, Tags: []string{tag},
		MaxBodyBytes: maxBody, BodyReadTimeout: 10 * time.Second,
		Metadata: map[string]any{scopeKey: scope},
		Errors:   []int{http.StatusTooManyRequests, http.StatusServiceUnavailable},
	}
	if method == http.MethodPost || method == http.MethodPut {
		o.Errors = append(o.Errors, http.StatusBadRequest, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	if scope != open {
		o.Security = []map[string][]string{{"session": {}}, {"key": {string(scope)}}}
		o.Description = "Needs the scope " + string(scope) + "."
		o.Errors = append(o.Errors, http.StatusUnauthorized, http.StatusForbidden)
	}
	if strings.Contains(path, "{") {
		o.Errors = append(o.Errors, http.StatusNotFound)
	}
	return o
}

type (
	principalKey struct{}
	addressKey   struct{}
	encryptedKey struct{}
)

// who is the principal of a request that the guard has let in.
func who(ctx context.Context) *identity.Principal {
	p, _ := ctx.Value(principalKey{}).(*identity.Principal)
	return p
}

// address is where a request came from.
func address(ctx context.Context) string {
	a, _ := ctx.Value(addressKey{}).(string)
	return a
}

// encrypted reports whether the browser sent a request by TLS.
func encrypted(ctx context.Context) bool {
	e, _ := ctx.Value(encryptedKey{}).(bool)
	return e
}

// asksKey marks an operation that changes nothing although it is no GET.
const asksKey = "asks"

// guard lets a request in when its caller may ask it, and writes down what it
// changed.
func (s *Server) guard(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	from := s.source(r)
	ctx = huma.WithValue(huma.WithValue(ctx, addressKey{}, from), encryptedKey{}, s.Encrypted(r))
	if wait := s.limits.take(time.Now(), from); wait > 0 {
		s.refuse(ctx, tooMany("too many requests; wait a little", wait.Seconds()))
		return
	}
	op := ctx.Operation()
	scope, _ := op.Metadata[scopeKey].(identity.Scope)
	if scope != open {
		p, err := s.principal(r)
		if err == nil && r.Method != http.MethodGet {
			err = p.CheckCSRF(r.Header.Get(csrfHeader))
		}
		if err == nil && !p.May(scope) {
			err = huma.Error403Forbidden("you may not do this: it needs the scope " + string(scope))
			s.note(ctx, p, "refused", "")
		}
		if err != nil {
			w.Header().Set("WWW-Authenticate", "Bearer")
			s.refuse(ctx, err)
			return
		}
		ctx = huma.WithValue(ctx, principalKey{}, p)
	}
	if op.RequestBody != nil && !isJSON(r) {
		s.refuse(ctx, huma.Error415UnsupportedMediaType("send application/json"))
		return
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		w.Header().Set("Accept-Encoding", "identity") // RFC 9110 §12.5.3; what is unpacked has no bound that was sent
		s.refuse(ctx, huma.Error415UnsupportedMediaType("send the body as it is, without a Content-Encoding"))
		return
	}
	next(ctx)
	if scope != open && r.Method != http.MethodGet && op.Metadata[asksKey] == nil {
		s.note(ctx, who(ctx.Context()), resultOf(ctx.Status()), "")
	}
}

func resultOf(status int) string {
	if status >= 400 {
		return "refused"
	}
	return "done"
}

// note writes the request into the audit log.
func (s *Server) note(ctx huma.Context, p *identity.Principal, result, detail string) {
	op, u := ctx.Operation(), ctx.URL()
	s.Identity.Note(ctx.Context(), identity.Entry{
		Who: p.String(), From: address(ctx.Context()), Kind: op.Tags[0], Action: op.Summary,
		Target: clip(strings.TrimPrefix(u.Path, prefix+"/"), 200), Result: result, Detail: detail,
	})
}

// isJSON reports whether the body is said to be JSON. A form of another site
// cannot say that, which is a second line against forged requests.
func isJSON(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && (kind == "application/json" || strings.HasSuffix(kind, "+json"))
}

// principal finds out who asks.
func (s *Server) principal(r *http.Request) (*identity.Principal, error) {
	if h := r.Header.Get("Authorization"); h != "" {
		kind, secret, _ := strings.Cut(h, " ")
		if !strings.EqualFold(kind, "Bearer") {
			return nil, identity.ErrKey
		}
		return s.Identity.Authorize(r.Context(), strings.TrimSpace(secret))
	}
	c, err := r.Cookie(cookieName)
	if err != nil {
		return nil, identity.ErrSession
	}
	return s.Identity.Session(r.Context(), c.Value)
}

// refuse answers with a problem.
func (s *Server) refuse(ctx huma.Context, err error) {
	err = problem(err)
	status, ok := err.(huma.StatusError)
	if h, has := err.(huma.HeadersError); has {
		for name, values := range h.GetHeaders() {
			ctx.SetHeader(name, values[0])
		}
		if inner, is := unwrapStatus(err); is {
			status, ok = inner, true
		}
	}
	if !ok {
		s.Log.Error("request failed", "operation", ctx.Operation().OperationID, "err", err)
		status = huma.Error503ServiceUnavailable("the gateway's store cannot be asked at the moment")
	}
	_ = huma.WriteErr(s.api, ctx, status.GetStatus(), status.Error())
}

func unwrapStatus(err error) (huma.StatusError, bool) {
	for err != nil {
		if s, ok := err.(huma.StatusError); ok {
			return s, true
		}
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return nil, false
		}
		err = u.Unwrap()
	}
	return nil, false
}

func hostOf(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	return host
}

// clip cuts what a stranger chose to a length that can be stored and shown.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
