package gvoice

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// tests maps every test of a folder to its source. It reads the text; what a
// test says it shows is a matter of reading it.
func tests(t *testing.T, folders ...string) map[string]string {
	t.Helper()
	begin := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	out := map[string]string{}
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join("..", "..", folder, "*_test.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no tests in %s: %v", folder, err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text := string(b)
			for _, m := range begin.FindAllStringSubmatchIndex(text, -1) {
				body, _, _ := strings.Cut(text[m[0]:], "\n}\n")
				out[folder+" "+text[m[2]:m[3]]] = body
			}
		}
	}
	return out
}

// cites reports whether a test names a rule, as GV-S15 or in its name as GVS15
// or And15.
func cites(source string, kind, n int) bool {
	letter := string("CS"[kind])
	return regexp.MustCompile(fmt.Sprintf(`GV-?%s%d\b|GV%s%d[A-Z(]|TestGV%s\w*And%d[A-Z]`, letter, n, letter, n, letter, n)).MatchString(source)
}

// TestEveryRuleOfTheChecklistNamesItsTest keeps docs/protocols/google-voice.md
// honest: each GV-S and GV-C number has a row, and the row either names tests
// that exist and cite the number, or says why there is none.
func TestEveryRuleOfTheChecklistNamesItsTest(t *testing.T) {
	b, err := os.ReadFile("../../docs/protocols/google-voice.md")
	if err != nil {
		t.Fatal(err)
	}
	all := tests(t, "sim/gvoice", "leg/gvoice", "sip/dialog", "media/sdp")
	rows := map[string]string{}
	for line := range strings.SplitSeq(string(b), "\n") {
		if m := regexp.MustCompile(`^\| (GV-[CS]\d+) \|`).FindStringSubmatch(line); m != nil {
			rows[m[1]] = line
		}
	}
	for kind, last := range []int{28, 48} {
		for n := 1; n <= last; n++ {
			id := fmt.Sprintf("GV-%s%d", string("CS"[kind]), n)
			row, named := rows[id], 0
			if strings.Contains(row, "out of scope:") {
				continue
			}
			for _, m := range regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllStringSubmatch(row, -1) {
				named++
				found := false
				for name, source := range all {
					found = found || strings.HasSuffix(name, " "+m[1]) && cites(source, kind, n)
				}
				if !found {
					t.Errorf("%s: no test %s that cites it", id, m[1])
				}
			}
			if named == 0 {
				t.Errorf("%s: no row that names a test or says why it is out of scope", id)
			}
		}
	}
}

func TestEveryFaultAndOptionIsDocumented(t *testing.T) {
	b, err := os.ReadFile("../../docs/protocols/google-voice.md")
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, k := range faultKinds {
		names = append(names, string(k))
	}
	for _, of := range []reflect.Type{reflect.TypeFor[Options](), reflect.TypeFor[Timing]()} {
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			names = append(names, name)
		}
	}
	for _, name := range names {
		if !strings.Contains(string(b), "`"+name+"`") {
			t.Errorf("%s is not documented", name)
		}
	}
}
