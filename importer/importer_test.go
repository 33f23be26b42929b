package importer

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tandem/config"
)

var update = flag.Bool("update", false, "write what comes out to the golden files")

// Each folder of testdata is an import: its files, the configuration and the
// report that come of them.
func TestImportsAreAsTheGoldenFiles(t *testing.T) {
	for folder, read := range map[string]func([]File) (*Result, error){"asterisk": Asterisk, "pexip": Pexip, "pexip-csv": Pexip} {
		t.Run(folder, func(t *testing.T) {
			r, err := read(filesOf(t, folder))
			if err != nil {
				t.Fatal(err)
			}
			text, err := config.Export(r.Config, true)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", folder+".yaml"), string(text))
			var report strings.Builder
			for _, n := range r.Notes {
				report.WriteString(n.String() + "\n")
			}
			golden(t, filepath.Join("testdata", folder+".report"), report.String())
			if strings.Contains(report.String(), "canary") {
				t.Errorf("the report shows a secret:\n%s", report.String())
			}
		})
	}
}

func filesOf(t testing.TB, folder string) (files []File) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join("testdata", folder, "*"))
	if err != nil || len(all) == 0 {
		t.Fatal("no files", err)
	}
	for _, name := range all {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, File{filepath.Base(name), text})
	}
	return files
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil || got != string(want) {
		t.Errorf("%s differs (write it with -update): %v\n%s", path, err, got)
	}
}

func TestWhatCannotBeReadIsTold(t *testing.T) {
	for _, tt := range []struct {
		read func([]File) (*Result, error)
		text string
		want string
	}{
		{Asterisk, "exten => s", "x:1: \"exten \" stands before the first [section]"},
		{Asterisk, "[a]\nnonsense", `x:2: "nonsense" is no option = value`},
		{Asterisk, "[a", "no closing ]"},
		{Asterisk, "[a](none)\n", `made from the template "none"`},
		{Asterisk, "[a]\npassword canary", "no option = value"},
		{Pexip, "", "is empty"},
		{Pexip, "{", "not JSON"},
		{Pexip, "[1]", "value 1 of the list is no object"},
		{Pexip, "PK\x03\x04", "ZIP"},
		{Pexip, `{"gateway_routing_rule":["x"]}`, "no object"},
	} {
		if _, err := tt.read([]File{{"x", []byte(tt.text)}}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: got %v, want %q", tt.text, err, tt.want)
		}
	}
	if _, err := Pexip([]File{{"x", make([]byte, maxText+1)}}); err == nil {
		t.Error("a file that is too large was taken")
	}
}

func FuzzAsterisk(f *testing.F) {
	for _, file := range filesOf(f, "asterisk") {
		f.Add(file.Text)
	}
	f.Add([]byte("[a](!)\nx=y\n[b](a,+)\ntype=>auth\nauth_type=google_oauth"))
	f.Fuzz(func(t *testing.T, text []byte) { fuzzed(t, Asterisk, text) })
}

func FuzzPexip(f *testing.F) {
	for _, folder := range []string{"pexip", "pexip-csv"} {
		for _, file := range filesOf(f, folder) {
			f.Add(file.Text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) { fuzzed(t, Pexip, text) })
}

// fuzzed wants an error or a configuration that can be written and read.
func fuzzed(t *testing.T, read func([]File) (*Result, error), text []byte) {
	r, err := read([]File{{"x", text}})
	if err != nil {
		return
	}
	out, err := config.RevealJSON(r.Config)
	if err != nil {
		t.Fatal(err)
	}
	if err := config.FromJSON(out, new(config.Config)); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
}
