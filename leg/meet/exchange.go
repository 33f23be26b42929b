package meet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// An Exchange is one message between a leg and the meeting service: a request or an
// answer over HTTPS, or a message on a data channel. Credentials, and what people
// write in the chat, are not in it.
type Exchange struct {
	At      time.Time
	Out     bool   // from us
	Network string // "HTTPS", "data channel"
	Peer    string // the service's host
	Summary string
	Text    string
}

// trace tells who wants to know of a message. It may be nil.
type trace func(Exchange)

// trace is the leg's, nil when nobody listens.
func (l *Leg) trace() trace {
	if l.c.Trace == nil {
		return nil
	}
	return func(x Exchange) {
		x.At, x.Peer = time.Now(), l.edge.base.Host
		l.c.Trace(l.info.ID, x)
	}
}

// asked tells of a request over HTTPS.
func (t trace) asked(r *http.Request, body []byte) {
	if t == nil {
		return
	}
	line := r.Method + " " + r.URL.Path
	t(Exchange{
		Out: true, Network: "HTTPS", Summary: line + what(body),
		Text: line + "\nContent-Type: application/json\nAuthorization: Bearer [redacted]\nMeet-Access-Token: [redacted]\n\n" + readable(body),
	})
}

// told tells of the answer, or of why there is none.
func (t trace) told(r *http.Request, resp *http.Response, body []byte, err error) {
	switch {
	case t == nil:
	case err != nil:
		t(Exchange{Network: "HTTPS", Summary: "no answer (" + r.Method + ")", Text: oneLine(withoutURL(err).Error(), maxText)})
	default:
		t(Exchange{
			Network: "HTTPS", Summary: fmt.Sprintf("%s (%s)%s", resp.Status, r.Method, what(body)),
			Text: "HTTP " + resp.Status + "\nContent-Type: " + oneLine(resp.Header.Get("Content-Type"), 80) + "\n\n" + readable(body),
		})
	}
}

// channel tells of a message on a data channel. Statistics go to and fro without end,
// and say nothing of what became of a call.
func (t trace) channel(out bool, label string, text []byte) {
	if t == nil || label == chStats {
		return
	}
	shown := readable(text)
	if label == chChat {
		shown = "[what was written is not kept]"
	}
	t(Exchange{Out: out, Network: "data channel", Summary: label + ": " + spoken(text), Text: shown})
}

// what a body is, in the way ladders of SIP say it.
func what(body []byte) string {
	if bytes.Contains(body, []byte(`"offer"`)) || bytes.Contains(body, []byte(`"answer"`)) {
		return " +sdp"
	}
	return ""
}

// spoken is what a message of a data channel is about.
func spoken(text []byte) string {
	var m struct {
		Request   map[string]json.RawMessage   `json:"request"`
		Response  *response                    `json:"response"`
		Resources []map[string]json.RawMessage `json:"resources"`
		Deleted   []json.RawMessage            `json:"deletedResources"`
	}
	if json.Unmarshal(text, &m) != nil {
		return "cannot be read"
	}
	var words []string
	words = append(words, names(m.Request, "requestId")...)
	if m.Response != nil {
		word := "done"
		if m.Response.Status.Code != codeOK {
			word = fmt.Sprintf("refused, code %d", m.Response.Status.Code)
		}
		words = append(words, word)
	}
	count := make(map[string]int)
	for _, r := range m.Resources {
		for _, name := range names(r, "id") {
			if count[name]++; count[name] == 1 {
				words = append(words, name)
			}
		}
		if raw, ok := r["sessionStatus"]; ok {
			var s sessionStatus
			if json.Unmarshal(raw, &s) == nil {
				words = append(words, oneLine(s.ConnectionState, 40), oneLine(s.DisconnectReason, 40))
			}
		}
	}
	for i, w := range words {
		if n := count[w]; n > 1 {
			words[i] = fmt.Sprintf("%d × %s", n, w)
		}
	}
	if n := len(m.Deleted); n > 0 {
		words = append(words, fmt.Sprintf("%d deleted", n))
	}
	words = slices.DeleteFunc(words, func(w string) bool { return w == "" })
	return oneLine(strings.Join(words[:min(len(words), 6)], ", "), 100)
}

// names are the names of what is there, in order, without one that always is.
func names(m map[string]json.RawMessage, without string) []string {
	var all []string
	for name := range m {
		if name != without {
			all = append(all, oneLine(name, 40))
		}
	}
	slices.Sort(all)
	return all
}

// password is where the credentials of ICE stand in the JSON of an SDP.
var password = regexp.MustCompile(`(a=ice-pwd:)[^\\\s"]+`)

// readable is JSON for people: indented, and SDP line by line.
func readable(body []byte) string {
	if len(body) == 0 {
		return ""
	}
	var b bytes.Buffer
	if json.Indent(&b, body, "", "  ") != nil {
		return oneLine(string(body[:min(len(body), 4*maxText)]), maxText)
	}
	text := password.ReplaceAllString(b.String(), "$1[redacted]")
	text = strings.ReplaceAll(text, `\r\n`, "\n    ")
	return strings.ReplaceAll(text, `\n`, "\n    ")
}
