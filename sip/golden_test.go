package sip

import (
	"encoding/hex"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// golden reads a file of testdata. gv-invite.sip is the incoming INVITE of the
// telephony edge (reference §8.1), with invented values where the trace has none.
func golden(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// torture reads an archive of messages in the notation of RFC 4475 §2.
func torture(t testing.TB, name string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, f := range txtar.Parse(golden(t, name)).Files {
		all[f.Name] = wire(t, string(f.Data))
	}
	return all
}

var (
	oneLine  = regexp.MustCompile(`(?s)<allOneLine>\n(.*?)\n</allOneLine>`)
	hexBytes = regexp.MustCompile(`<hex>([0-9A-Fa-f\s]*)</hex>`)
	repeat   = regexp.MustCompile(`<repeat count=(\d+)>(.*?)</repeat>`)
)

func wire(t testing.TB, s string) []byte {
	t.Helper()
	s = oneLine.ReplaceAllStringFunc(s, func(m string) string {
		return strings.ReplaceAll(oneLine.FindStringSubmatch(m)[1], "\n", "")
	})
	s = repeat.ReplaceAllStringFunc(s, func(m string) string {
		parts := repeat.FindStringSubmatch(m)
		n, err := strconv.Atoi(parts[1])
		if err != nil {
			t.Fatal(err)
		}
		return strings.Repeat(parts[2], n)
	})
	s = strings.ReplaceAll(s, "\n", "\r\n") // before the bytes of <hex>, which stay
	s = hexBytes.ReplaceAllStringFunc(s, func(m string) string {
		b, err := hex.DecodeString(strings.Join(strings.Fields(hexBytes.FindStringSubmatch(m)[1]), ""))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	})
	return []byte(s)
}

// status is the answer to a datagram: 0 if all is well, -1 for silence.
func status(b []byte) (m *Message, code int) {
	m, err := Parse(b)
	if err == nil {
		if e := Check(m); e != nil {
			err = e
		}
	}
	if err == nil {
		return m, 0
	}
	if e := err.(*ParseError); e.Status > 0 {
		return m, e.Status
	}
	return m, -1
}
