package dialog

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"strconv"
	"strings"

	"tandem/sip"
	"tandem/sip/transaction"
)

// sdpOf returns the session description in a message: its body, or the part
// of a multipart body. It returns nil if there is none.
func sdpOf(m *sip.Message) []byte {
	if len(m.Body) == 0 {
		return nil
	}
	if m.Get("Content-Type") == "application/sdp" { // nearly always
		return m.Body
	}
	kind, params, err := mime.ParseMediaType(m.Get("Content-Type"))
	if err != nil {
		kind, _, _ = strings.Cut(m.Get("Content-Type"), ";")
		kind = strings.ToLower(strings.TrimSpace(kind))
	}
	if kind == "application/sdp" {
		return m.Body
	}
	if !strings.HasPrefix(kind, "multipart/") || params["boundary"] == "" {
		return nil
	}
	parts := multipart.NewReader(bytes.NewReader(m.Body), params["boundary"])
	for range 16 {
		p, err := parts.NextRawPart()
		if err != nil {
			return nil
		}
		if k, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type")); k == "application/sdp" {
			sdp, err := io.ReadAll(p)
			if err != nil || len(sdp) == 0 {
				return nil
			}
			return sdp
		}
	}
	return nil
}

func setSDP(m *sip.Message, sdp []byte) {
	if sdp != nil {
		m.Set("Content-Type", "application/sdp")
		m.Body = sdp
	}
}

func addAll(m *sip.Message, headers []sip.Header) {
	for _, h := range headers {
		m.Add(h.Name, h.Value)
	}
}

// ability adds Allow and Supported, unless they are there.
func (c *Core) ability(m *sip.Message) {
	allow, supported := c.abilities()
	if !m.Has("Allow") {
		m.Add("Allow", allow)
	}
	if supported != "" && !m.Has("Supported") {
		m.Add("Supported", supported)
	}
}

// response builds a response of this session.
func (s *Session) response(req *sip.Message, status int, reason string, headers ...sip.Header) *sip.Message {
	m := sip.NewResponse(req, status, reason)
	if status > 100 {
		m.Set("To", withTag(m.Get("To"), s.key.localTag))
	}
	if s.core.UserAgent != "" {
		m.Add("Server", s.core.UserAgent)
	}
	addAll(m, headers)
	return m
}

// establishing builds a response that makes or confirms a dialog, or refreshes its
// target: Record-Route goes back as it came (RFC 3261 §12.1.1, GV-C18).
func (s *Session) establishing(req *sip.Message, status int, reason string, headers ...sip.Header) *sip.Message {
	m := s.response(req, status, reason, headers...)
	for _, h := range req.Headers {
		if strings.EqualFold(h.Name, "Record-Route") {
			m.Add("Record-Route", h.Value)
		}
	}
	if !m.Has("Contact") && s.contact != "" {
		m.Add("Contact", s.ownContact())
	}
	s.core.ability(m)
	return m
}

// ownContact is our Contact, as a SIPS URI where the far end asked for one.
func (s *Session) ownContact() string {
	if rest, ok := strings.CutPrefix(s.contact, "<sip:"); ok && s.secure && s.flow.Secure() {
		return "<sips:" + rest
	}
	return s.contact
}

// respond sends a response.
func (s *Session) respond(tx *transaction.Server, m *sip.Message) {
	if s.decorate != nil {
		s.decorate(m)
	}
	if err := tx.Respond(m); err != nil {
		s.log.Debug("sip response not sent", "status", m.Status, "err", err)
	}
}

// refuse sends a plain response.
func (s *Session) refuse(tx *transaction.Server, status int, headers ...sip.Header) {
	s.respond(tx, s.response(tx.Request(), status, "", headers...))
}

// Reason is one value of a Reason header (RFC 3326): why a BYE or CANCEL was sent.
type Reason struct {
	Protocol string // "SIP", "Q.850" …
	Cause    int
	Text     string
}

// Header returns the reason as a header for Bye and Cancel.
func (r Reason) Header() sip.Header {
	p := sip.Params("")
	if r.Cause != 0 {
		p = p.With("cause", strconv.Itoa(r.Cause))
	}
	v := r.Protocol + string(p)
	if r.Text != "" { // always quoted (RFC 3326 §2)
		v += ";text=" + sip.Quote(r.Text)
	}
	return sip.Header{Name: "Reason", Value: v}
}

// Reasons reads the Reason headers of a message.
func Reasons(m *sip.Message) []Reason {
	var all []Reason
	for _, v := range m.Values("Reason") {
		protocol, params, _ := strings.Cut(v, ";")
		r := Reason{Protocol: strings.TrimSpace(protocol)}
		if params != "" {
			cause, _ := sip.Params(";" + params).Get("cause")
			r.Cause, _ = strconv.Atoi(strings.TrimSpace(cause))
			r.Text, _ = sip.Params(";" + params).Get("text")
		}
		if r.Protocol != "" {
			all = append(all, r)
		}
	}
	return all
}
