package gvoice

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"time"

	"tandem/sim/wire"
)

// controlHandler is the control endpoint; the package comment lists it.
func (s *Server) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/oauth2/", s.tokenHandler())
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
	if d, err := time.ParseDuration(r.URL.Query().Get("wait")); err == nil {
		select {
		case <-c.done:
		case <-time.After(d):
		case <-r.Context().Done():
		}
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
		var body struct{ Digits string }
		if err := json.NewDecoder(io.LimitReader(r.Body, 1<<10)).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
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
		err := decode(io.LimitReader(r.Body, 64<<10), &in)
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

// decode reads JSON in which durations may be strings such as "1.5s". Unknown
// fields are errors.
func decode(r io.Reader, into any) error {
	var raw any
	if err := json.NewDecoder(r).Decode(&raw); err != nil {
		return fmt.Errorf("the body is not JSON: %w", err)
	}
	plain, err := durations(raw, reflect.TypeOf(into).Elem())
	if err != nil {
		return err
	}
	b, err := json.Marshal(plain)
	if err != nil {
		return err
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// durations turns the strings into nanoseconds wherever t wants a Duration.
func durations(v any, t reflect.Type) (any, error) {
	object, ok := v.(map[string]any)
	if text, isText := v.(string); isText && t == reflect.TypeFor[time.Duration]() {
		d, err := time.ParseDuration(text)
		return int64(d), err
	}
	if !ok || t.Kind() != reflect.Struct {
		return v, nil
	}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		inner, has := object[name]
		if !has {
			continue
		}
		plain, err := durations(inner, t.Field(i).Type)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		object[name] = plain
	}
	return object, nil
}
