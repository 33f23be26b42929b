package sip

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// frames reads a whole stream: one word per frame, then the error.
func frames(r io.Reader) string {
	var all []string
	for s := NewReader(r, Limits{}); ; {
		f, err := s.Next()
		switch {
		case err != nil:
			var bad *ParseError
			if errors.As(err, &bad) {
				return strings.Join(append(all, "closed"), " ")
			}
			return strings.Join(append(all, err.Error()), " ")
		case f.Kind == PingFrame:
			all = append(all, "ping")
		case f.Kind == PongFrame:
			all = append(all, "pong")
		case f.Fault != nil:
			all = append(all, "fault")
		default:
			all = append(all, f.Message.Method+"+"+string(f.Message.Body))
		}
	}
}

func TestReader(t *testing.T) {
	for _, row := range []struct{ what, stream, want string }{
		{"nothing", "", "EOF"},
		{"two messages", good + good, "OPTIONS+body OPTIONS+body EOF"},
		{"a ping between", good + "\r\n\r\n" + good, "OPTIONS+body ping OPTIONS+body EOF"},
		{"a pong between", good + "\r\n" + good, "OPTIONS+body pong OPTIONS+body EOF"},
		{"cut in the head", good[:50], "unexpected EOF"},
		{"cut in the body", good[:len(good)-1], "unexpected EOF"},
		{"a malformed message with a known end", strings.Replace(good, "Call-ID:", "Call ID:", 1) + good, "fault OPTIONS+body EOF"},
		{"a malformed name that others may take for Content-Length", strings.Replace(good, "Call-ID:", "Content Length: 9\r\nCall-ID:", 1) + good, "closed"},
		{"no Content-Length", strings.Replace(good, "Content-Length: 4\r\n", "", 1) + good, "closed"},
		{"a bad Content-Length", strings.Replace(good, ": 4\r", ": -4\r", 1) + good, "closed"},
		{"two Content-Lengths", strings.Replace(good, "Call-ID", "l: 0\r\nCall-ID", 1) + good, "closed"},
		{"a bare LF", strings.Replace(good, "Call-ID: 1\r", "Call-ID: 1", 1) + good, "closed"},
		{"too long a body", strings.Replace(good, ": 4\r", ": 65530\r", 1), "closed"},
		{"a head without end", strings.Replace(good, "Call-ID", strings.Repeat("X: y\r\n", 20000)+"Call-ID", 1), "closed"},
		{"not SIP", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "closed"},
	} {
		if got := frames(strings.NewReader(row.stream)); got != row.want {
			t.Errorf("%s: %s, want %s", row.what, got, row.want)
		}
		got := frames(iotest.OneByteReader(strings.NewReader(row.stream)))
		if !strings.Contains(row.want, "ping") && got != row.want {
			t.Errorf("%s, byte by byte: %s, want %s", row.what, got, row.want)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte(good + "\r\n\r\n" + good))
	for _, b := range torture(f, "rfc4475.txtar") {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		total := 0
		for r := NewReader(strings.NewReader(string(b)), Limits{Message: 2048}); ; {
			frame, err := r.Next()
			if err != nil {
				return
			}
			if total += len(frame.Data); len(frame.Data) == 0 || total > len(b) {
				t.Fatalf("%d bytes of %d", total, len(b))
			}
		}
	})
}
