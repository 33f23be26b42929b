package evidence

import (
	"regexp"
	"strings"
)

// credentials are the header fields and parameters that must not be shown. Keys of a
// person (INFO with DTMF) are among them: they may be a PIN.
var credentials = regexp.MustCompile(`(?im)^((?:proxy-)?authorization[ \t]*:[ \t]*)(\S+)[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*` +
	`|^((?:cookie|set-cookie|authentication-info)[ \t]*:)[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*` +
	`|(inline:)[A-Za-z0-9+/=]+|(a=ice-pwd:)\S+|^(signal[ \t]*=)[^\r\n]*|(sips?:[^:@;>\s]+:)[^@;>\s]+@`)

// plainKeys is the body of an INFO that is nothing but keys.
var plainKeys = regexp.MustCompile(`(?is)^(.*\r?\n(?:content-type|c)[ \t]*:[ \t]*application/dtmf[ \t]*(?:\r?\n.*?)?\r?\n\r?\n).+$`)

// Redact takes the secrets out of a SIP message: tokens, digests, media keys, digits.
func Redact(b []byte) []byte {
	b = credentials.ReplaceAll(b, []byte("$1$2$3$4$5$6$7 [redacted]"))
	return plainKeys.ReplaceAll(b, []byte("${1}[redacted]"))
}

// A Summary is what a ladder shows of a message.
type Summary struct{ Text, CallID string }

// Summarize reads a message's first line, the method an answer is for, and what its
// body is. It does not need the message to be good.
func Summarize(b []byte) (s Summary) {
	head, body, _ := strings.Cut(string(b), "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	s.Text = strings.TrimSuffix(lines[0], " SIP/2.0")
	var method, kind, auth string
	for _, l := range lines[1:] {
		name, value, _ := strings.Cut(l, ":")
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "call-id", "i":
			s.CallID = value
		case "cseq":
			_, method, _ = strings.Cut(value, " ")
		case "content-type", "c":
			kind = value
		case "authorization", "proxy-authorization":
			auth = " (with credentials)"
		}
	}
	if rest, ok := strings.CutPrefix(s.Text, "SIP/2.0 "); ok {
		s.Text = rest + " (" + method + ")"
	}
	if body != "" {
		s.Text += " +" + strings.TrimPrefix(kind, "application/")
	}
	s.Text = Printable(Clip(s.Text+auth, 120))
	return s
}

// Clip cuts a text.
func Clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}

// Printable keeps a far end from sending commands to a terminal.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '·'
		}
		return r
	}, s)
}

// callIDOf finds the Call-ID without reading the whole message.
func callIDOf(b []byte) (id []byte, ok bool) {
	for len(b) > 2 {
		end := indexLine(b)
		line := b[:end]
		b = b[min(end+1, len(b)):]
		if len(line) > 0 && line[len(line)-1] == '\r' {
			line = line[:len(line)-1]
		}
		if len(line) == 0 {
			return nil, false
		}
		if v, ok := valueOf(line, "call-id"); ok {
			return v, len(v) > 0 && len(v) <= 256
		}
		if v, ok := valueOf(line, "i"); ok {
			return v, len(v) > 0 && len(v) <= 256
		}
	}
	return nil, false
}

func indexLine(b []byte) int {
	for i, c := range b {
		if c == '\n' {
			return i
		}
	}
	return len(b)
}

// valueOf is the value of a header line that has the name, in lower case.
func valueOf(line []byte, name string) ([]byte, bool) {
	if len(line) <= len(name) {
		return nil, false
	}
	for i := range len(name) {
		c := line[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != name[i] {
			return nil, false
		}
	}
	i := len(name)
	for i < len(line) && (line[i] == ' ' || line[i] == '\t') {
		i++
	}
	if i == len(line) || line[i] != ':' {
		return nil, false
	}
	for i++; i < len(line) && (line[i] == ' ' || line[i] == '\t'); i++ {
	}
	end := len(line)
	for end > i && (line[end-1] == ' ' || line[end-1] == '\t') {
		end--
	}
	return line[i:end], true
}
