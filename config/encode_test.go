package config

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	want := file{
		Listen: netip.MustParseAddrPort("[::1]:5060"), Timeout: 90 * time.Minute,
		Accounts: []account{{Name: "yes", ClientID: "0123", Aliases: []string{"+15550100", "null", "- x", "a: b # c", "ä\n"}}, {Name: ""}},
		Limits:   map[string]int{"b": 2, "a": 1}, Media: &media{30000, netip.MustParseAddr("192.0.2.1")}, Weight: 0.5, Level: -3,
	}
	text, err := Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	var got file
	if err := Decode("x", text, &got, testRefs); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	got.Accounts[1].Aliases = nil // an empty list
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v\nin\n%s", got, want, text)
	}
	text, err = Encode(&withInline{Common{"a", true}, "b"})
	if err != nil || string(text) != "node_id: a\ndebug: true\nname: b\n" {
		t.Errorf("inline: got %q, %v", text, err)
	}
}

func TestAnExportHasNoSecretsAndCannotBeAppliedWithoutThem(t *testing.T) {
	text, err := Encode(file{Accounts: []account{{ClientSecret: "canary-1ab2"}}})
	if err != nil || strings.Contains(string(text), "canary") {
		t.Fatalf("got %s, %v", text, err)
	}
	var v file
	err = Decode("f.yaml", text, &v, testRefs)
	if err == nil || !strings.Contains(err.Error(), "accounts[0].client_secret: this stands for a secret that an export does not show") {
		t.Errorf("got %v", err)
	}
}

func TestDurationsAreWrittenShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 30 * time.Second: "30s", 90 * time.Minute: "1h30m", time.Hour: "1h", 7 * 24 * time.Hour: "7d",
		25*time.Hour + time.Second: "1d1h0m1s", 1500 * time.Millisecond: "1.5s", 10 * time.Minute: "10m", 20 * time.Hour: "20h",
	} {
		got := FormatDuration(d)
		back, err := ParseDuration(got)
		if got != want || back != d || err != nil {
			t.Errorf("%v: got %s, want %s; back %v, %v", d, got, want, back, err)
		}
	}
}
