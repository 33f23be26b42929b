package wire

import (
	"crypto/rand"
	"fmt"
	"strings"
)

// Builder writes a message line by line; headers appear in the order of the
// calls.
type Builder struct{ b strings.Builder }

// Request begins a request.
func Request(method, uri string) *Builder {
	w := &Builder{}
	fmt.Fprintf(&w.b, "%s %s SIP/2.0\r\n", method, uri)
	return w
}

// Response begins a response.
func Response(status int, reason string) *Builder {
	w := &Builder{}
	if reason == "" {
		reason = Phrase(status)
	}
	fmt.Fprintf(&w.b, "SIP/2.0 %d %s\r\n", status, reason)
	return w
}

// Add writes a header; an empty value writes nothing.
func (w *Builder) Add(name, value string) *Builder {
	if value != "" {
		w.b.WriteString(name + ": " + value + "\r\n")
	}
	return w
}

// Each writes one header line per value.
func (w *Builder) Each(name string, values []string) *Builder {
	for _, v := range values {
		w.Add(name, v)
	}
	return w
}

// Body ends the message; contentType is left out for an empty body.
func (w *Builder) Body(contentType, body string) []byte {
	if body != "" {
		w.Add("Content-Type", contentType)
	}
	fmt.Fprintf(&w.b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return []byte(w.b.String())
}

// End ends the message without a body.
func (w *Builder) End() []byte { return w.Body("", "") }

// Token makes n random characters of a to z and 0 to 9.
func Token(n int) string { return strings.ToLower(rand.Text())[:min(n, 26)] }

// NewBranch makes a transaction branch.
func NewBranch() string { return "z9hG4bK" + Token(20) }

// Phrase is the standard reason phrase of a status.
func Phrase(status int) string {
	if p, ok := phrases[status]; ok {
		return p
	}
	return "Status"
}

var phrases = map[int]string{
	100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 202: "Accepted",
	400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
	407: "Proxy Authentication Required", 408: "Request Timeout", 420: "Bad Extension", 421: "Extension Required",
	422: "Session Interval Too Small", 423: "Interval Too Brief", 480: "Temporarily Unavailable",
	481: "Call/Transaction Does Not Exist", 486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here",
	491: "Request Pending", 500: "Server Internal Error", 501: "Not Implemented", 503: "Service Unavailable",
	504: "Server Time-out", 600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere",
}
