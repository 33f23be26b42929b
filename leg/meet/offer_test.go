package meet

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (-update writes it anew):\n%s", name, got)
	}
}

func testOffer(audios, videos int, video bool) *offer {
	return &offer{
		plan: newPlan(audios, videos, video), session: 1, version: 2, ufrag: "ufragufragufragufragufra", password: "passwordpasswordpassword",
		fingerprint: "00:11:22", audio: 0x80000001, content: 0x80000002, rtx: 0x80000003,
	}
}

// Section 3 of the contract; MEET-C2, MEET-C18.
func TestOffersAreAsTheContractSays(t *testing.T) {
	golden(t, "offer-room.sdp", testOffer(2, 2, true).String())
	golden(t, "offer-phone.sdp", testOffer(1, 0, false).String())
	if s := testOffer(defaultAudios, defaultVideos, true).String(); strings.Count(s, "\r\nm=") != 1+16+1+1+8+2 || len(s) > 64<<10 {
		t.Errorf("%d sections, %d octets", strings.Count(s, "\r\nm="), len(s))
	}
}

// The answer of Google's documentation, cut to what a telephone offers (reference
// 3.5, MEET-C3): empty foundations, tcp and ssltcp, "=" in the password.
func TestAnAnswerOfGooglesShapeIsRead(t *testing.T) {
	text, err := os.ReadFile("testdata/answer-google.sdp")
	if err != nil {
		t.Fatal(err)
	}
	p := plan{audioUp, audioDown, dataRole, videoDown}
	a, err := parseAnswer(string(text), p)
	if err != nil {
		t.Fatal(err)
	}
	if a.ufrag != "ExampleUfragOf32CharactersAAAAAA" || a.password != "+ExamplePwdOf28Characters00=" || len(a.fingerprints) != 1 {
		t.Errorf("%+v", a)
	}
	if len(a.candidates) != 2 || a.candidates[0].addr.String() != "142.250.82.213:19306" || a.candidates[1].addr.String() != "[2001:4860:4864:6:4000::19]:19306" {
		t.Errorf("candidates %+v", a.candidates)
	}
	if s := a.sections[1]; !s.sends() || s.ssrc != 6666 || !s.twcc {
		t.Errorf("%+v", s)
	}
	if s := a.sections[3]; s.ssrc != 7777 || s.rtx != 7778 {
		t.Errorf("%+v", s)
	}
	if a.sections[0].sends() || !a.sections[0].takes() {
		t.Errorf("%+v", a.sections[0])
	}
}

func TestAnswersThatCannotServeAreRefusedWithASentence(t *testing.T) {
	text, err := os.ReadFile("testdata/answer-google.sdp")
	if err != nil {
		t.Fatal(err)
	}
	good, p := string(text), plan{audioUp, audioDown, dataRole, videoDown}
	for want, spoilt := range map[string]string{
		"sections":            good[:strings.Index(good, "m=video")],
		"ICE credentials":     strings.ReplaceAll(good, "a=ice-ufrag", "a=x"),
		"SHA-256 fingerprint": strings.ReplaceAll(good, "sha-256", "sha-1"),
		"UDP candidate":       strings.ReplaceAll(good, " udp ", " tcp "),
		"mid":                 strings.Replace(good, "a=mid:1", "a=mid:9", 1),
		"data channels":       strings.Replace(good, "m=application 9", "m=application 0", 1),
	} {
		if _, err := parseAnswer(spoilt, p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	text, err := os.ReadFile("testdata/answer-google.sdp")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add("m=audio 9 x\na=mid:0\na=ssrc-group:FID 1 2\na=candidate: 1 udp 1 ::1 9 typ host")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := parseAnswer(s, plan{audioUp, audioDown, dataRole, videoDown})
		if err == nil && (len(a.candidates) > maxCandidates || len(a.sections) != 4) {
			t.Errorf("%+v", a)
		}
	})
}
