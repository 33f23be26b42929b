package wire

import (
	"bytes"
	"testing"
)

// FuzzStream cuts a stream into frames and reads each message with all that the
// simulators ask of one.
func FuzzStream(f *testing.F) {
	f.Add([]byte("\r\n\r\nOPTIONS sip:h SIP/2.0\r\nv: SIP/2.0/TLS h;branch=z9hG4bK1, SIP/2.0/UDP i\r\nf: \"a\\\"\" <sip:a@h>;tag=1\r\nt: <sip:b@h>\r\ni: x\r\nCSeq: 1 OPTIONS\r\nl: 2\r\n\r\nhi\r\n"))
	f.Add([]byte("SIP/2.0 200 \r\nVia: \r\n folded\r\nContent-Length: -1\r\n\r\n"))
	f.Add([]byte("\t \t SIP/2.0\r\nContent-Length: 0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(bytes.NewReader(b))
		for {
			frame, err := r.Next()
			if err != nil {
				return
			}
			if frame.Raw == nil {
				continue
			}
			m, err := Parse(frame.Raw)
			if m == nil || err != nil {
				m = Headers(frame.Raw)
			}
			if len(m.Raw) > MaxMessage {
				t.Errorf("a message of %d bytes", len(m.Raw))
			}
			m.Summary()
			m.Branch()
			for _, name := range []string{"Route", "Contact", "To", "Via"} {
				for _, v := range m.List(name) {
					uri, _ := InBrackets(v)
					SameURI(uri, v)
					Display(v)
					Param(v, "tag")
				}
			}
			Redact(string(m.Raw))
		}
	})
}
