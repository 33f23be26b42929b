package config

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"tandem/token"
)

// file is a configuration as the parts' Config structs make one.
type file struct {
	Listen   netip.AddrPort
	Timeout  time.Duration
	Accounts []account
	Limits   map[string]int
	Media    *media `yaml:"media"`
	Weight   float64
	Level    int8
	Free     any
	Hidden   string `yaml:"-"`
}

type account struct {
	Name         string
	ClientID     string
	ClientSecret token.Secret
	Aliases      []string
}

type media struct {
	RTPPortMin uint16
	Public     netip.Addr `yaml:"public_address"`
}

// Inline structs must be exported to be set.
type withInline struct {
	Common `yaml:",inline"`
	Name   string
}

// Common is a struct several others have.
type Common struct {
	NodeID string
	Debug  bool
}

var testRefs = References{
	Getenv: func(name string) (string, bool) {
		v, ok := map[string]string{"SET": "from-env", "EMPTY": ""}[name]
		return v, ok
	},
	ReadFile: func(path string) ([]byte, error) {
		switch path {
		case "secret.txt":
			return []byte("from file\n"), nil
		case "empty.txt":
			return []byte("\n"), nil
		}
		return nil, fmt.Errorf("open %s: no such file", path)
	},
}

func TestAFileIsRead(t *testing.T) {
	got := file{Timeout: time.Minute, Level: 3, Accounts: []account{{Name: "default"}}, Limits: map[string]int{"kept": 1}}
	err := Decode("tandem.yaml", []byte(`# a comment
listen: 127.0.0.1:5060
timeout: 1d12h
accounts:
  - &first
    name: home
    client_id: 0123   # numbers in texts stay as they are written
    client_secret: ${SET}
    aliases: [ "+15550100", 5550101, yes, no ]
  - name: office
    client_secret: file:secret.txt
  - name: attic
    client_secret: pa$$word
  - *first
limits: {calls: 1_000}
media:
  rtp_port_min: 30000
  public_address: 2001:db8::1
weight: 0.5
level:
free: [1, two]
`), &got, testRefs)
	if err != nil {
		t.Fatal(err)
	}
	home := account{"home", "0123", "from-env", []string{"+15550100", "5550101", "yes", "no"}}
	want := file{
		Listen: netip.MustParseAddrPort("127.0.0.1:5060"), Timeout: 36 * time.Hour,
		Accounts: []account{home, {Name: "office", ClientSecret: "from file"}, {Name: "attic", ClientSecret: "pa$$word"}, home},
		Limits:   map[string]int{"kept": 1, "calls": 1000},
		Media:    &media{30000, netip.MustParseAddr("2001:db8::1")},
		Weight:   0.5, Level: 3, Free: []any{uint64(1), "two"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	var in withInline
	if err := Decode("x", []byte("node_id: a\ndebug: true\nname: b\n"), &in, testRefs); err != nil || in != (withInline{Common{"a", true}, "b"}) {
		t.Errorf("inline: %+v, %v", in, err)
	}
	for _, empty := range []string{"", "\n", "# nothing\n", "---\n"} {
		if err := Decode("x", []byte(empty), &got, testRefs); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q changed something: %v", empty, err)
		}
	}
}

func TestMistakesAreNamedWithTheirPlace(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"lissten: x", "f.yaml:1:1: lissten: this field is not known; did you mean listen?"},
		{"accounts:\n  - clientID: x", "f.yaml:2:5: accounts[0].clientID: this field is not known; did you mean client_id?"},
		{"zzzzz: x", "f.yaml:1:1: zzzzz: this field is not known; known are accounts, free, level, limits, listen, media, timeout, weight"},
		{"hidden: x", "this field is not known"},
		{"timeout: 1s\ntimeout: 2s", "f.yaml:2:1: "},
		{"timeout: 30", `f.yaml:1:10: timeout: "30" is not a duration; write a number with a unit, such as 500ms, 30s, 5m, 1h30m or 7d`},
		{"timeout: -5s", "timeout: a duration cannot be negative"},
		{"level: 200", `f.yaml:1:8: level: want a whole number from -128 to 127, not "200"`},
		{"level: many", `want a whole number`},
		{"media: {rtp_port_min: 70000}", `media.rtp_port_min: want a whole number from 0 to 65535, not "70000"`},
		{"weight: heavy", `weight: want a number, not "heavy"`},
		{"listen: nonsense", "f.yaml:1:9: listen: "},
		{"accounts: home", "accounts: want a list (lines that begin with a dash), not a single value"},
		{"accounts:\n  name: home", "accounts: want a list (lines that begin with a dash), not fields"},
		{"accounts: [home]", "accounts[0]: want fields (name: value), not a single value"},
		{"- a", "f.yaml:1:1: want fields (name: value), not a list"},
		{"accounts:\n- name: [a]", "accounts[0].name: want one value, not a list"},
		{"accounts:\n- client_secret: ${UNSET}", "accounts[0].client_secret: the environment variable UNSET is not set, or empty"},
		{"accounts:\n- client_secret: ${EMPTY}", "the environment variable EMPTY is not set, or empty"},
		{"accounts:\n- client_secret: file:empty.txt", "the file empty.txt is empty"},
		{"accounts:\n- client_secret: file:none.txt", "open none.txt: no such file"},
		{"limits: *nowhere", "*nowhere is not defined"},
		{"limits: {<<: {a: 1}}", "merge keys (<<) are not supported"},
		{"a: 1\n---\nb: 2", "a second document begins here"},
		{"timeout: [", "f.yaml:1:"},
		{"\ttimeout: 1s", "f.yaml:1:"},
		{strings.Repeat("[", 5000), "nested too deeply"},
		{strings.Repeat("- ", 5000), "nested too deeply"},
		{"free: " + strings.Repeat("#", maxFile), "more than"},
	} {
		var v file
		err := Decode("f.yaml", []byte(test.text), &v, testRefs)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q:\n got %v\nwant %s", short(test.text), err, test.want)
		}
	}
}

func TestAllMistakesAreToldAtOnce(t *testing.T) {
	var v file
	err := Decode("f.yaml", []byte("timeout: x\nnothing: 1\nlevel: y\n"), &v, testRefs)
	var all Errors
	if !errors.As(err, &all) || len(all) != 3 || all[2].Line != 3 || all[2].Column != 8 || all[2].Field != "level" {
		t.Errorf("got %v", err)
	}
	err = Decode("f.yaml", []byte(strings.Repeat("[", 10)+strings.Repeat("a,", 100)+strings.Repeat("]", 10)), &v, testRefs)
	if errors.As(err, &all) && len(all) > maxErrors {
		t.Errorf("%d errors", len(all))
	}
}

func TestErrorsShowNoSecret(t *testing.T) {
	const canary = "canary-93be"
	for _, text := range []string{
		"accounts:\n- client_secret: " + canary + "\n  nam: x",
		"accounts:\n- client_secret: [" + canary + "]",
		"accounts:\n- client_secret: {" + canary + ": x}",
		"accounts:\n- client_secret: " + canary + "\n  \t- [",
		"accounts:\n- client_secret: \"" + canary,
	} {
		var v file
		err := Decode("f.yaml", []byte(text), &v, testRefs)
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

func TestFilesAreReadFromTheConfigurationsFolder(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("tandem.yaml", "accounts: [{client_secret: 'file:secret'}, {client_secret: '${TANDEM_TEST_SECRET}'}]")
	write("secret", "from file")
	t.Setenv("TANDEM_TEST_SECRET", "from env")
	var v file
	if err := DecodeFile(filepath.Join(dir, "tandem.yaml"), &v); err != nil {
		t.Fatal(err)
	}
	if v.Accounts[0].ClientSecret != "from file" || v.Accounts[1].ClientSecret != "from env" {
		t.Errorf("got %q and %q", v.Accounts[0].ClientSecret.Reveal(), v.Accounts[1].ClientSecret.Reveal())
	}
	write("secret", strings.Repeat("x", maxSecret+1))
	if err := DecodeFile(filepath.Join(dir, "tandem.yaml"), &v); err == nil || !strings.Contains(err.Error(), "more than 65536 bytes") {
		t.Errorf("got %v", err)
	}
	if err := DecodeFile(filepath.Join(dir, "none.yaml"), &v); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "500ms": 500 * time.Millisecond, "1.5s": 1500 * time.Millisecond, "1h30m": 90 * time.Minute,
		"7d": 7 * 24 * time.Hour, "1w2d12h": (9*24 + 12) * time.Hour, "08d": 8 * 24 * time.Hour,
	} {
		if got, err := ParseDuration(text); got != want || err != nil {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "5", "-1s", "1x", "d", "1.5d", "1d-1s", "99999999h", "9999w9999999h", "1h1d"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func TestNamesInTheFile(t *testing.T) {
	for name, want := range map[string]string{
		"Name": "name", "ClientID": "client_id", "RTPPortMin": "rtp_port_min", "URL": "url", "TLSRoots": "tls_roots", "T1": "t1",
	} {
		if got := snake(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("listen: 127.0.0.1:5060\ntimeout: 30s\naccounts:\n  - &a {name: x, client_secret: '${SET}'}\n  - *a\nlimits: {a: 1}\n")
	f.Add("a: &a [*a, *a]\nfree: !!binary |\n  aGk=\n? b\n: c\n")
	f.Add("free: {<<: *x}\nmedia: {public_address: ::1}\n---\n...\n")
	f.Fuzz(func(t *testing.T, text string) {
		var v file
		err := Decode("f.yaml", []byte(text), &v, testRefs)
		if err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
	})
}
