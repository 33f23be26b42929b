// Package api is the HTTP API: everything an administrator can see and change, as
// resources under /api/v1 with an OpenAPI 3.1 description. Start reading at
// [Server.Handler]; who may do what is decided in guard.go.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"tandem/identity"
	"tandem/identity/oidc"
	"tandem/leg/sipua"
	"tandem/store"
	"tandem/webhook"
)

// prefix is where every operation is.
const prefix = "/api/v1"

// A Server answers the API. Fill in the fields, then use Handler; Run does what has
// to be done in the background.
type Server struct {
	Identity *identity.Keeper
	Config   Configuration
	Gateway  Gateway
	History  History
	// Registrations are the registrations that were.
	Registrations *store.Log[sipua.Registration]
	Secrets       func() (*store.Secrets, error) // seal what waits in the store
	Hooks         *webhook.Book
	Sender        *webhook.Sender
	Cluster       Cluster  // nil: one machine
	Captures      Captures // nil: they are off
	Log           *slog.Logger
	// Proxies may say where a request came from (X-Forwarded-For, Forwarded); others not.
	Proxies []netip.Prefix
	// Secure says that browsers reach the gateway by TLS in any case; else what the request, or a
	// trusted proxy, says counts. Cookies are then kept to TLS.
	Secure bool

	once   sync.Once
	mux    *http.ServeMux
	api    huma.API
	events hub
	limits limiter
	done   commands
	oidc   oidc.Client
}

// Handler serves everything under /api/.
func (s *Server) Handler() http.Handler {
	s.once.Do(s.build)
	return http.HandlerFunc(s.serve)
}

// OpenAPI is the description of the API, as JSON.
func (s *Server) OpenAPI() ([]byte, error) {
	s.once.Do(s.build)
	return s.api.OpenAPI().MarshalJSON()
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	s.mux.ServeHTTP(w, r)
}

// build registers every operation.
func (s *Server) build() {
	s.mux = http.NewServeMux()
	s.api = humago.New(s.mux, s.describe())
	s.api.UseMiddleware(s.guard)
	s.registerSessions()
	s.registerOIDC()
	s.registerUsers()
	s.registerKeys()
	s.registerAudit()
	s.registerConfig()
	s.registerVersions()
	s.registerResources()
	s.registerSettings()
	s.registerRouting()
	s.registerLive()
	s.registerHistory()
	s.registerAlarms()
	s.registerTokens()
	s.registerConsent()
	s.registerHooks()
	s.registerMail()
	s.registerNodes()
	s.registerPast()
	s.registerCaptures()
	s.registerEvents()
	s.describeConfig()
	s.mux.HandleFunc("/api/", s.unknown)
}

func (s *Server) describe() huma.Config {
	c := huma.DefaultConfig("Tandem", "1")
	c.Info.Description = "The gateway's configuration, its calls, and what became of them. Errors are problems (RFC 9457) whose errors name the fields that are wrong."
	c.OpenAPIPath = "/api/openapi"
	c.DocsPath, c.SchemasPath = "", ""
	c.CreateHooks = nil // no $schema in answers
	c.RejectUnknownQueryParameters = true
	c.Transformers = []huma.Transformer{discreet}
	c.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"session": {Type: "apiKey", In: "cookie", Name: cookieName, Description: "The cookie of POST /api/v1/session. Changes need the header X-CSRF-Token, too."},
		"key":     {Type: "http", Scheme: "bearer", Description: "An API key, which begins with tdm_."},
	}
	return c
}

// unknown answers what no operation does.
func (s *Server) unknown(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := s.mux.Handler(other); pattern != "/api/" && method != r.Method {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		writeProblem(w, http.StatusMethodNotAllowed, "this address takes "+strings.Join(allowed, ", ")+" only")
		return
	}
	writeProblem(w, http.StatusNotFound, "there is nothing at this address; /api/openapi.json tells what there is")
}

// Run sweeps up behind sessions and commands until ctx is done, and then ends the
// event streams.
func (s *Server) Run(ctx context.Context) error {
	s.once.Do(s.build)
	defer s.events.close()
	changes, stop := s.Config.Watch()
	defer stop()
	every := time.NewTicker(sweepEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case v, ok := <-changes:
			if !ok {
				changes = nil
				continue
			}
			e := configEvent{Version: v.Number, Author: v.Author, Comment: v.Comment}
			s.Publish(EventConfig, e)
			s.Sender.Publish("config.changed", e)
		case now := <-every.C:
			s.limits.sweep(now)
			s.done.sweep(now)
			if err := s.Identity.Sweep(ctx); err != nil && ctx.Err() == nil {
				s.Log.Debug("old sessions were not removed", "err", err)
			}
		}
	}
}

const sweepEvery = 10 * time.Minute

// configEvent tells that another version of the configuration is in force.
type configEvent struct {
	Version int64  `json:"version"`
	Author  string `json:"author"`
	Comment string `json:"comment,omitempty"`
}
