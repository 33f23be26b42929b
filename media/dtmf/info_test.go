package dtmf

import (
	"testing"
	"time"
)

func TestParseInfo(t *testing.T) {
	ms := time.Millisecond
	for _, c := range []struct {
		kind, body string
		key        rune // 0: an error
		length     time.Duration
	}{
		{TypeRelay, "Signal=5\r\nDuration=160\r\n", '5', 160 * ms},
		{TypeRelay, "Signal= 5\r\nDuration= 250\r\n", '5', 250 * ms}, // Cisco writes a space
		{TypeRelay, "signal=*\nduration=100", '*', 100 * ms},
		{TypeRelay, "Signal=#", '#', 160 * ms},
		{TypeRelay, "Signal=10\r\nDuration=100\r\n", '*', 100 * ms},
		{TypeRelay, "Signal=11\r\n", '#', 160 * ms},
		{TypeRelay, "Signal=a\r\nDuration=0\r\n", 'A', 160 * ms},
		{TypeRelay, "Signal=!\r\nDuration=x\r\n", Flash, 160 * ms},
		{TypeRelay, "Signal=16\r\n", Flash, 160 * ms},
		{TypeRelay, "Signal=1\r\nDuration=65535\r\n", '1', 10 * time.Second},
		{"Application/DTMF-Relay; charset=utf-8", "Signal=2\r\n", '2', 160 * ms},
		{TypePlain, "5", '5', 160 * ms},
		{TypePlain, " #\r\n", '#', 160 * ms},
		{TypePlain, "Signal=7\r\n", '7', 160 * ms},
		{TypePlain, "", 0, 0},
		{TypePlain, "17", 0, 0},
		{TypePlain, "5555555555555555555555", 0, 0},
		{TypeRelay, "Duration=100\r\n", 0, 0},
		{TypeRelay, "Signal=E\r\n", 0, 0},
		{"text/plain", "5", 0, 0},
		{TypePlain, string(make([]byte, 600)), 0, 0},
	} {
		d, err := ParseInfo(c.kind, []byte(c.body))
		if d.Key != c.key || d.Duration != c.length || (err == nil) != (c.key != 0) {
			t.Errorf("%s %q: %+v, %v", c.kind, c.body, d, err)
		}
	}
}

func TestInfoComesBackAsItWas(t *testing.T) {
	for _, kind := range []string{TypeRelay, TypePlain} {
		for _, want := range allKeys(160 * time.Millisecond) {
			body, err := AppendInfo(nil, kind, want)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := ParseInfo(kind, body); got != want || err != nil {
				t.Errorf("%s: %+v came back as %+v, %v", kind, want, got, err)
			}
		}
	}
	if _, err := AppendInfo(nil, "text/plain", Digit{Key: '1'}); err == nil {
		t.Error("a digit as text/plain")
	}
	if _, err := AppendInfo(nil, TypePlain, Digit{Key: 'x'}); err == nil {
		t.Error("x is no key")
	}
}

func FuzzParseInfo(f *testing.F) {
	f.Add(TypeRelay, []byte("Signal=5\r\nDuration=160\r\n"))
	f.Add(TypePlain, []byte("5"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		if d, err := ParseInfo(kind, body); err == nil && (!Valid(d.Key) || d.Duration < minDuration) {
			t.Errorf("%q %q: %+v", kind, body, d)
		}
	})
}
