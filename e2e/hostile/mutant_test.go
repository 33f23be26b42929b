package hostile

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// mutants makes hostile messages out of good and bad ones.
type mutants struct {
	*rand.Rand
	seeds []string
}

func newMutants(t testing.TB) *mutants {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	m := &mutants{Rand: rand.New(rand.NewPCG(seed, 1))}
	for _, file := range []string{"rfc4475.txtar", "rfc5118.txtar"} {
		for _, s := range archive(t, file) {
			m.seeds = append(m.seeds, s)
		}
	}
	slices.Sort(m.seeds)
	for _, method := range []string{"OPTIONS", "REGISTER", "SUBSCRIBE", "BYE", "CANCEL", "PRACK", "NOTIFY", "REFER"} {
		m.seeds = append(m.seeds, request(method, "sip:kitchen@tandem.example", "udp",
			"Require: 100rel", "Authorization: Digest username=\"kitchen\", realm=\"tandem.example\", nonce=\"a\", uri=\"sip:a\", response=\"00\"",
			"Refer-To: <sip:a@b?Replaces=x%3Bto-tag%3D1>", "Replaces: a;to-tag=b;from-tag=c", "RAck: 1 1 INVITE", "Session-Expires: 1800;refresher=uac",
			"Route: <sip:127.0.0.1;lr>", "Record-Route: <sip:127.0.0.1;lr>", "Path: <sip:p;lr>", "Event: refer"))
	}
	return m
}

func (m *mutants) random() []byte {
	b := make([]byte, m.IntN(1400))
	for i := range b {
		b[i] = byte(m.Uint32())
	}
	return b
}

// spice is what parsers stumble over.
var spice = []string{
	"\x00", "\n", "\r", "\r\n", "\r\n\r\n", "\r\n ", ";", ",", ":", "\"", "\\", "<", ">", "%00", "%", "@", "?", "=", " ", "\t", "[", "]", "*",
	"-1", "0", "4294967296", "99999999999999999999999", "Content-Length: 5\r\n", "Content-Length : 0\r\n", "l: 1\r\n", ";tag=", ";branch=z9hG4bK", ";lr",
	"SIP/2.0", "\xff\xfe", "é", "Via: ", "v:", "To:", ";received=", ";rport", "a=crypto:1 ", "m=audio 0 ",
}

func (m *mutants) next() []byte {
	b := []byte(m.seeds[m.IntN(len(m.seeds))])
	for range 1 + m.IntN(6) {
		at := m.IntN(len(b) + 1)
		end := min(len(b), at+m.IntN(40))
		switch m.IntN(7) {
		case 0:
			if len(b) > 0 {
				b[min(at, len(b)-1)] ^= 1 << m.IntN(8)
			}
		case 1:
			b = slices.Delete(b, at, end)
		case 2:
			b = slices.Insert(b, at, bytes.Repeat(b[at:end], 1+m.IntN(60))...)
		case 3, 4:
			b = slices.Insert(b, at, []byte(spice[m.IntN(len(spice))])...)
		case 5:
			other := m.seeds[m.IntN(len(m.seeds))]
			b = append(b[:at:at], other[m.IntN(len(other)):]...)
		case 6:
			b = b[:at]
		}
		if len(b) > 60_000 {
			b = b[:60_000]
		}
	}
	return b
}

// some is a random or a mutated message.
func (m *mutants) some() []byte {
	if m.IntN(2) == 0 {
		return m.random()
	}
	return m.next()
}
