package gvoice

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"tandem/sim/wire"
)

const (
	maxBody     = 64 << 10 // bytes of a request
	longestWait = 10 * time.Minute
)

// controlHandler is the control endpoint; the package comment lists it.
func (s *Server) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/oauth2/", s.tokenHandler())
	mux.Handle("/o/oauth2/", s.tokenHandler())
	mux.Handle("/token", s.tokenHandler())
	mux.HandleFunc("GET /state", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, 200, s.State()) })
	mux.HandleFunc("GET /ladder", s.getLadder)
	mux.HandleFunc("GET /ca.pem", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(s.CAPEM()) })
	mux.HandleFunc("GET /client.pem", s.getClientCert)
	mux.HandleFunc("POST /accounts", post(func(a Account) (any, error) { return map[string]string{"number": a.Number}, s.AddAccount(a) }))
	mux.HandleFunc("POST /people", post(func(p Person) (any, error) { return p, s.AddPerson(p) }))
	mux.HandleFunc("POST /faults", post(func(f Fault) (any, error) { return f, s.SetFault(f) }))
	mux.HandleFunc("DELETE /faults", s.deleteFaults)
	mux.HandleFunc("POST /calls", post(func(in Incoming) (any, error) {
		c, err := s.PlaceCall(s.ctx, in)
		if err != nil {
			return nil, err
		}
		return map[string]string{"id": c.ID()}, nil
	}))
	mux.HandleFunc("GET /calls", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, 200, s.State().Calls) })
	mux.HandleFunc("GET /calls/{id}", s.getCall)
	mux.HandleFunc("POST /calls/{id}/{action}", s.postCall)
	return mux
}

func (s *Server) getLadder(w http.ResponseWriter, r *http.Request) {
	var ids []string
	if id := r.URL.Query().Get("call"); id != "" {
		ids = []string{id}
		if c := s.Call(id); c != nil {
			for _, l := range c.legList() {
				ids = append(ids, l.callID)
			}
		}
	}
	events := s.Ladder(ids...)
	if r.URL.Query().Get("format") == "text" {
		_, _ = io.WriteString(w, wire.Text(events))
		return
	}
	writeJSON(w, 200, events)
}

func (s *Server) getClientCert(w http.ResponseWriter, r *http.Request) {
	cert, key, err := s.ClientCertificate(ClientKey(r.URL.Query().Get("key")))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, _ = w.Write(append(cert, key...))
}

func (s *Server) deleteFaults(w http.ResponseWriter, r *http.Request) {
	var kinds []FaultKind
	for _, k := range r.URL.Query()["kind"] {
		if err := (Fault{Kind: FaultKind(k)}).Validate(); err != nil {
			writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
			return
		}
		kinds = append(kinds, FaultKind(k))
	}
	s.ClearFaults(kinds...)
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) getCall(w http.ResponseWriter, r *http.Request) {
	c := s.Call(r.PathValue("id"))
	if c == nil {
		http.Error(w, "no such call", http.StatusNotFound)
		return
	}
	if text := r.URL.Query().Get("wait"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			http.Error(w, "wait: "+err.Error(), http.StatusBadRequest)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), min(d, longestWait))
		defer cancel()
		_, _ = c.Wait(ctx)
	}
	writeJSON(w, 200, c.Report())
}

func (s *Server) postCall(w http.ResponseWriter, r *http.Request) {
	c := s.Call(r.PathValue("id"))
	if c == nil {
		http.Error(w, "no such call", http.StatusNotFound)
		return
	}
	switch r.PathValue("action") {
	case "hangup":
		c.HangUp()
	case "reinvite":
		c.Reinvite()
	case "dtmf":
		var body struct {
			Digits string `json:"digits"`
		}
		err := decode(http.MaxBytesReader(w, r.Body, maxBody), &body)
		if err = errors.Join(err, keys(body.Digits)); err != nil {
			writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
			return
		}
		c.SendDTMF(body.Digits)
	default:
		http.Error(w, "actions are hangup, reinvite, dtmf", http.StatusNotFound)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// post makes a handler of a function from a JSON body to a JSON answer.
func post[T any](f func(T) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in T
		err := decode(http.MaxBytesReader(w, r.Body, maxBody), &in)
		var out any
		if err == nil {
			out, err = f(in)
		}
		if err != nil {
			writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
			return
		}
		writeJSON(w, http.StatusOK, out)
	}
}
