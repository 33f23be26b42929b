package bfcp

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares messages with a file of hexadecimal lines; # begins a comment.
func golden(t *testing.T, name string, got [][]byte) {
	t.Helper()
	file := filepath.Join("testdata", name+".hex")
	if *update {
		text := "# written by the code from RFC 8855; -update rewrites\n"
		for _, b := range got {
			text += hex.EncodeToString(b) + "\n"
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := readHex(t, file)
	if len(want) != len(got) {
		t.Fatalf("%s: %d messages, want %d", name, len(got), len(want))
	}
	for i := range got {
		if !bytes.Equal(got[i], want[i]) {
			t.Errorf("%s, message %d:\n got %x\nwant %x", name, i, got[i], want[i])
		}
	}
}

func readHex(t testing.TB, file string) (list [][]byte) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), "#")
		if line == "" {
			continue
		}
		b, err := hex.DecodeString(strings.ReplaceAll(line, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, b)
	}
	return list
}

func newServer() *Server { return &Server{Conference: 7, User: 2, Floor: 1} }

func ask(p Primitive, transaction uint16) *Message {
	return &Message{Version: overUDP, Primitive: p, Conference: 7, Transaction: transaction, User: 2, Floor: 1}
}

var start = time.Unix(0, 0)

func parse(t *testing.T, b []byte) Message {
	t.Helper()
	var m Message
	if err := Parse(b, &m); err != nil {
		t.Fatalf("%v: %x", err, b)
	}
	return m
}

func TestAParticipantGetsTheFloorAndGivesItBack(t *testing.T) {
	s := newServer()
	out := s.Receive(start, ask(Hello, 1).Append(nil))
	out = append(out, s.Receive(start, ask(FloorRequest, 2).Append(nil))...)
	if !s.Holds() || len(out) != 3 {
		t.Fatalf("the floor is not granted: %d messages", len(out))
	}
	if m := parse(t, out[1]); m.Primitive != FloorRequestStatus || m.Status != Granted || m.Transaction != 2 || !m.Response || m.Request != 1 {
		t.Errorf("the request got %+v", m)
	}
	if m := parse(t, out[2]); m.Primitive != FloorStatus || m.Response || m.Transaction == 0 || m.Beneficiary != 0 && m.Beneficiary != 2 {
		t.Errorf("the floor's status is %+v", m)
	}
	release := ask(FloorRelease, 3)
	release.Request = 1
	out = append(out, s.Receive(start, release.Append(nil))...)
	if s.Holds() {
		t.Error("the floor is not given back")
	}
	if m := parse(t, out[3]); m.Status != Released {
		t.Errorf("the release got %+v", m)
	}
	golden(t, "grant-and-release", out)
}

func TestSomebodyElseTakesTheFloor(t *testing.T) {
	s := newServer()
	s.Receive(start, ask(FloorRequest, 1).Append(nil))
	out := s.Present(start, "Ada Example")
	if len(out) != 2 || s.Holds() {
		t.Fatalf("%d messages, holds %v", len(out), s.Holds())
	}
	if m := parse(t, out[0]); m.Primitive != FloorRequestStatus || m.Status != Revoked || m.Request != 1 {
		t.Errorf("the former presenter got %+v", m)
	}
	if m := parse(t, out[1]); m.Primitive != FloorStatus || m.Name != "Ada Example" || m.Status != Granted {
		t.Errorf("the floor's status is %+v", m)
	}
	golden(t, "revoked", out)
	if again := s.Present(start, "Ada Example"); again != nil {
		t.Error("the same is told twice")
	}
	s.Receive(start, ask(FloorRequest, 2).Append(nil))
	if !s.Holds() {
		t.Error("the participant cannot present in its turn")
	}
}

func TestWhatIsNotServed(t *testing.T) {
	change := func(p Primitive, f func(*Message)) *Message {
		m := ask(p, 9)
		if f != nil {
			f(m)
		}
		return m
	}
	for _, row := range []struct {
		name string
		m    *Message
		code uint8
	}{
		{"another conference", change(FloorRequest, func(m *Message) { m.Conference = 8 }), errConference},
		{"another user", change(FloorRequest, func(m *Message) { m.User = 3 }), errUser},
		{"another floor", change(FloorRequest, func(m *Message) { m.Floor = 5 }), errFloor},
		{"a request that nobody made", change(FloorRelease, func(m *Message) { m.Request = 4 }), errRequest},
		{"a chair's decision", change(ChairAction, nil), errUnauthorized},
		{"the other version", change(Hello, func(m *Message) { m.Version = overTCP }), errVersion},
		{"an unknown primitive", change(99, nil), errPrimitive},
	} {
		t.Run(row.name, func(t *testing.T) {
			out := newServer().Receive(start, row.m.Append(nil))
			if len(out) != 1 {
				t.Fatalf("%d messages", len(out))
			}
			if m := parse(t, out[0]); m.Primitive != Error || m.ErrorCode != row.code || m.Transaction != 9 {
				t.Errorf("%+v, want error %d", m, row.code)
			}
		})
	}
}

func TestWhatIsLostIsSentAgain(t *testing.T) {
	s := newServer()
	request := ask(FloorRequest, 2).Append(nil)
	first := s.Receive(start, request)
	if again := s.Receive(start, request); len(again) != 1 || !bytes.Equal(again[0], first[0]) {
		t.Error("a request that comes again gets another answer")
	}
	var sent []time.Duration
	for now := start; now.Before(start.Add(20 * time.Second)); now = now.Add(100 * time.Millisecond) {
		again, _, _ := s.Tick(now)
		for range again {
			sent = append(sent, now.Sub(start))
		}
	}
	if len(sent) != 3 || sent[0] != 500*time.Millisecond || sent[1] != 1500*time.Millisecond || sent[2] != 3500*time.Millisecond {
		t.Errorf("sent again after %v", sent)
	}
	out := s.Present(start, "Ben")
	for _, b := range out {
		m := parse(t, b)
		ack := ask(FloorStatusAck, m.Transaction)
		if ack.Response = true; m.Primitive == FloorRequestStatus {
			ack.Primitive = FloorRequestStatusAck
		}
		s.Receive(start, ack.Append(nil))
	}
	if _, _, more := s.Tick(start.Add(time.Minute)); more {
		t.Error("what was acknowledged waits")
	}
}

func TestOverTCPNothingIsRepeated(t *testing.T) {
	s := newServer()
	s.Reliable = true
	m := ask(FloorRequest, 1)
	m.Version = overTCP
	out := s.Receive(start, m.Append(nil))
	if len(out) != 2 {
		t.Fatalf("%d messages", len(out))
	}
	for i, b := range out {
		if m := parse(t, b); m.Version != overTCP || m.Response || i == 1 && m.Transaction != 0 {
			t.Errorf("%+v", m)
		}
		if Size(b) != len(b) {
			t.Errorf("the size is %d, want %d", Size(b), len(b))
		}
	}
	if _, _, more := s.Tick(start); more {
		t.Error("something waits")
	}
}

func TestBrokenMessagesAreErrors(t *testing.T) {
	good := ask(FloorRequest, 1).Append(nil)
	var m Message
	for n := range good {
		if Parse(good[:n], &m) == nil {
			t.Errorf("%d octets are a message", n)
		}
	}
	for _, b := range readHex(t, filepath.Join("testdata", "broken.hex")) {
		if Parse(b, &m) == nil {
			t.Errorf("%x is a message", b)
		}
	}
}

func FuzzServer(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join("testdata", "*.hex"))
	for _, file := range files {
		for _, b := range readHex(f, file) {
			f.Add(b)
		}
	}
	f.Add(ask(FloorRequest, 1).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := newServer()
		for _, out := range s.Receive(start, b) {
			var m Message
			if err := Parse(out, &m); err != nil {
				t.Fatalf("%v: %x", err, out)
			}
		}
		var m Message
		if Parse(b, &m) == nil {
			var again Message
			if err := Parse(m.Append(nil), &again); err != nil {
				t.Fatal(err)
			}
		}
		s.Tick(start.Add(time.Second))
	})
}
