package meet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

const maxBody = 256 << 10

// edgeHandler is the HTTPS API, section 2 of the contract.
func (s *Server) edgeHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/spaces/{alias}", s.api(s.resolve))
	mux.HandleFunc("POST /v1/spaces/{action}", s.api(s.joinAction))
	mux.HandleFunc("POST /v1/spaces/{space}/devices/{action}", s.api(s.deviceAction))
	mux.HandleFunc("DELETE /v1/spaces/{space}/devices/{device}", s.api(s.leaveByHTTP))
	mux.HandleFunc("/v1/spaces/{space}/devices/{device}", s.api(s.controlDevice))
	s.mediaAPIHandler(mux)
	return mux
}

// mediaAPIHandler is the Media API edge, section 10; the control endpoint has it, too, so
// that a page on this machine needs no certificate (MEET-S1).
func (s *Server) mediaAPIHandler(mux *http.ServeMux) {
	mux.HandleFunc("OPTIONS /v2beta/", func(w http.ResponseWriter, r *http.Request) { cors(w, r); w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("POST /v2beta/spaces/{action}", func(w http.ResponseWriter, r *http.Request) { cors(w, r); s.api(s.connectActive)(w, r) })
}

func cors(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", or(r.Header.Get("Origin"), "*"))
	h.Set("Access-Control-Allow-Headers", or(r.Header.Get("Access-Control-Request-Headers"), "authorization"))
	h.Set("Access-Control-Allow-Methods", "POST")
	h.Set("Vary", "Origin")
}

// api wraps a handler with the faults of the HTTPS edge and the form of errors.
func (s *Server) api(f func(*http.Request) (any, *refusal)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.faultyAnswer(w, r) {
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		out, no := f(r)
		if no != nil {
			s.sendRefusal(w, r, no)
			return
		}
		writeJSON(w, http.StatusOK, out)
	}
}

// faultyAnswer reports whether a fault has answered already.
func (s *Server) faultyAnswer(w http.ResponseWriter, r *http.Request) bool {
	if f, on := s.fault(HTTPSlow, nil); on {
		select {
		case <-time.After(or(f.Delay, 5*time.Second)):
		case <-r.Context().Done():
			return true
		}
	}
	if _, on := s.fault(HTTPSilent, nil); on {
		<-r.Context().Done()
		return true
	}
	if f, on := s.fault(HTTPStatus, nil); on {
		if f.Reason == "" {
			w.WriteHeader(or(f.Status, http.StatusServiceUnavailable))
			return true
		}
		_, body := refused(f.Reason, "").body()
		body.Error.Code = or(f.Status, body.Error.Code)
		writeJSON(w, body.Error.Code, body)
		return true
	}
	if _, on := s.fault(HTTPGarbage, nil); on {
		_, _ = io.WriteString(w, "<html>it works</html>")
		return true
	}
	return false
}

func (s *Server) sendRefusal(w http.ResponseWriter, r *http.Request, no *refusal) {
	code, body := no.body()
	s.record(Violation{Rule: no.ruleName(), Action: fmt.Sprintf("refused %d", code), What: r.Method + " " + r.URL.Path, Reason: no.Error()})
	if no.retry > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(int((no.retry+time.Second-1)/time.Second)))
	}
	writeJSON(w, code, body)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(v)
}

// readBody reads JSON whatever the Content-Type, and ignores unknown fields.
func readBody(r *http.Request, into any) *refusal {
	b, err := io.ReadAll(r.Body)
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return refused(InvalidRequest, "the body is larger than %d octets", maxBody)
	}
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		return refused(InvalidRequest, "body: %v", err)
	}
	return nil
}

// caller is who asks, after both proofs were checked.
type caller struct {
	issuer string
	token  AccessToken
}

func (s *Server) authenticate(r *http.Request) (caller, *refusal) {
	issuer, no := s.gatewayToken(r)
	if no != nil {
		return caller{}, no
	}
	value := r.Header.Get("Meet-Access-Token")
	if value == "" {
		return caller{}, refused(AccessMissing, "")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tokens[value]
	switch {
	case t == nil:
		return caller{}, refused(AccessUnknown, "")
	case t.Revoked:
		return caller{}, refused(AccessRevoked, "")
	case t.Type != "":
		return caller{}, refused(AccessWrongType, "")
	}
	return caller{issuer, *t}, nil
}

func (s *Server) gatewayToken(r *http.Request) (string, *refusal) {
	if s.cfg.Options.JWT == JWTOff {
		return "", nil
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		if s.cfg.Options.JWT == JWTTransition {
			s.record(Violation{Rule: "MEET-S18", Action: "noted", What: r.Method + " " + r.URL.Path, Reason: "there is no gateway token (transition mode)"})
			return "", nil
		}
		return "", refused(TokenMissing, "")
	}
	return verifyJWT(token, s.roots, time.Now())
}

// spaceInfo is section 2.2.
type spaceInfo struct {
	Name         string `json:"name"`
	MeetingCode  string `json:"meetingCode"`
	MeetingURI   string `json:"meetingUri"`
	UniversalPIN string `json:"universalPin"`
	Title        string `json:"title"`
	State        string `json:"state"`
	Knock        bool   `json:"knock"`
	Participants int    `json:"participants"`
}

func (m *meeting) infoLocked(c caller) spaceInfo {
	state := "IDLE"
	switch {
	case m.over:
		state = "ENDED"
	case len(m.members) > 0:
		state = "ACTIVE"
	}
	return spaceInfo{
		Name: "spaces/" + m.id, MeetingCode: m.code, MeetingURI: "https://meet.google.com/" + m.code, UniversalPIN: m.pin,
		Title: m.title, State: state, Knock: !m.trusts(c.token), Participants: len(m.members),
	}
}

// trusts: only a trusted token of the meeting's own tenant joins at once.
func (m *meeting) trusts(t AccessToken) bool { return t.Trusted && t.Tenant == m.tenant }

func (s *Server) resolve(r *http.Request) (any, *refusal) {
	c, no := s.authenticate(r)
	if no != nil {
		return nil, no
	}
	m := s.meeting(r.PathValue("alias"))
	if m == nil {
		return nil, refused(MeetingNotFound, "")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.infoLocked(c), nil
}

func (s *Server) joinAction(r *http.Request) (any, *refusal) {
	alias, verb, _ := strings.Cut(r.PathValue("action"), ":")
	c, no := s.authenticate(r)
	if no != nil {
		return nil, no
	}
	if verb != "join" {
		return nil, refused(InvalidRequest, "the verb %q is unknown", verb)
	}
	return s.join(r, c, alias)
}

func (s *Server) deviceAction(r *http.Request) (any, *refusal) {
	name, verb, _ := strings.Cut(r.PathValue("action"), ":")
	c, no := s.authenticate(r)
	if no != nil {
		return nil, no
	}
	change, ok := map[string]func(*http.Request, *device) (any, *refusal){"restart": s.restart, "update": s.update}[verb]
	if !ok {
		return nil, refused(DeviceControl, "")
	}
	d, no := s.ownDevice(r.PathValue("space"), name, c)
	if no == nil && d.gone() {
		no = refused(DeviceNotFound, "")
	}
	if no != nil {
		return nil, no
	}
	return change(r, d)
}

// controlDevice is everything that gateways may not do (MEET-S21).
func (s *Server) controlDevice(r *http.Request) (any, *refusal) {
	if _, no := s.authenticate(r); no != nil {
		return nil, no
	}
	return nil, refused(DeviceControl, "")
}

func (s *Server) leaveByHTTP(r *http.Request) (any, *refusal) {
	c, no := s.authenticate(r)
	if no != nil {
		return nil, no
	}
	d, no := s.ownDevice(r.PathValue("space"), r.PathValue("device"), c)
	if no != nil {
		return nil, no
	}
	d.meeting.mu.Lock()
	defer d.meeting.mu.Unlock()
	d.endLocked(ClientLeft, "left over HTTPS", nil)
	if d.reason == SessionLost {
		return leaveAnswer{}, nil
	}
	return leaveAnswer{d.reason}, nil
}

// deviceKept is for how long a device that has ended is remembered to its gateway.
const deviceKept = 60 * time.Second

// leaveAnswer is section 2.5.
type leaveAnswer struct {
	Reason Disconnect `json:"disconnectReason,omitempty"`
}

// ownDevice finds a device that this gateway has brought, and that is there or was
// until a moment ago.
func (s *Server) ownDevice(space, id string, c caller) (*device, *refusal) {
	m := s.meeting(space)
	if m == nil {
		return nil, refused(DeviceNotFound, "")
	}
	name := "spaces/" + m.id + "/devices/" + id
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range slices.Backward(slices.Concat(m.past, m.devices)) { // the newest of a name
		gone := d.state == stateEnded && time.Since(d.ended) > deviceKept
		if d.name == name && d.profile == interop && d.issuer == c.issuer && !gone {
			return d, nil
		}
	}
	for _, x := range m.members {
		if m.deviceName(x) == name {
			return nil, refused(DeviceControl, "the device is not this gateway's")
		}
	}
	return nil, refused(DeviceNotFound, "")
}
