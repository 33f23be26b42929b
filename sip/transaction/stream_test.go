package transaction

import (
	"strings"
	"testing"
	"testing/synctest"

	"tandem/sip"
)

func TestBrokenFramingIsAnsweredAndEndsTheConnection(t *testing.T) {
	for _, row := range []struct{ name, length, want string }{
		{"no number", "Content-Length: x", "400"},
		{"negative", "Content-Length: -1", "400"},
		{"two of them", "Content-Length: 0\r\nContent-Length: 5", "400"},
		{"more than we take", "Content-Length: 99999999", "513"},
	} {
		t.Run(row.name, func(t *testing.T) {
			onBench(t, "tcp", func(b *bench) {
				text := string(incoming("OPTIONS", b1).Append(nil))
				text = strings.Replace(text, "Content-Length: 0", row.length, 1)
				b.far.Write([]byte(text))
				b.sentIs("0s " + row.want + " OPTIONS")
				if b.flow.Err() == nil {
					t.Error("the flow lives")
				}
			})
		})
	}
}

func TestMalformedHeaderDoesNotEndTheConnection(t *testing.T) {
	onBench(t, "tcp", func(b *bench) {
		bad := incoming("OPTIONS", b1)
		bad.Set("CSeq", "x OPTIONS")
		b.on = func(s *Server) { s.Respond(sip.NewResponse(s.Request(), 200, "")) }
		b.far.Write(incoming("OPTIONS", b2).Append(bad.Append(nil)))
		synctest.Wait()
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.sent) != 2 || !strings.HasPrefix(b.sent[1], "0s 200") {
			t.Errorf("sent %v", b.sent)
		}
	})
}
