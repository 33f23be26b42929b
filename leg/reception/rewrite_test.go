package reception

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/media/tone"
)

func TestRewrites(t *testing.T) {
	for _, c := range []struct{ match, replace, in, want string }{
		{"", "", "123", "123"},
		{`\d+`, "", "123", "123"},
		{`\d{3}`, "", "1234", ""},
		{`1|12`, "", "12", "12"}, // the whole text, whichever branch
		{`ABC`, "", "abc", "abc"},
		{`(\d+)`, `\1@example.com`, "12", "12@example.com"},
		{`(\d+)`, `$1@example.com`, "12", "12@example.com"},
		{`(\d+)`, `$1x`, "12", "12x"},
		{`(\d)(\d)`, `\2\1`, "12", "21"},
		{`(?P<id>\d+)`, `\g<id>0${id}`, "1", "101"},
		{`(\d+)`, `\g<1>5`, "1", "15"},
		{`\d+`, `\0`, "12", "12"},
		{`(\d+)`, `$$\\\1`, "1", `$\1`},
		{`(\d+)`, `fixed`, "1", "fixed"},
	} {
		r, err := compile(c.match, c.replace)
		if err != nil {
			t.Errorf("%s -> %s: %v", c.match, c.replace, err)
			continue
		}
		if got, _ := r.apply(c.in); got != c.want {
			t.Errorf("%s -> %s of %q: %q, want %q", c.match, c.replace, c.in, got, c.want)
		}
	}
}

func TestWhatCannotBeWrittenIsToldWithAWayOut(t *testing.T) {
	for _, c := range []struct{ match, replace, want string }{
		{`(?=1)\d+`, "", "look-ahead"},
		{`(?!1)\d+`, "", "instead of"},
		{`(?<=9)\d+`, "", "look-behind"},
		{`(?<!9)\d+`, "", "look-behind"},
		{`(\d)\1`, "", "back-references"},
		{`\d++`, "", "possessive"},
		{`(?>\d+)`, "", "atomic"},
		{`(\d`, "", "missing closing )"},
		{`\d+`, `\1`, "no group"},
		{`(\d+)`, `\x`, "neither a group"},
		{`(\d+)`, `${1`, "neither a group"},
		{`(\d+)`, `$`, "neither a group"},
		{`(?P<id>\d+)`, `${name}`, "no group"},
	} {
		_, err := compile(c.match, c.replace)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s -> %s: %v, want something on %q", c.match, c.replace, err, c.want)
		}
	}
}

func FuzzRewrite(f *testing.F) {
	f.Add(`(\d+)`, `\1@$1${1}\g<1>$$`, "123")
	f.Add(`(?P<a>.)`, `\g<a>`, "x")
	f.Fuzz(func(t *testing.T, match, replace, in string) {
		if len(match) > 200 || len(in) > 200 {
			return
		}
		r, err := compile(match, replace)
		if err != nil {
			return
		}
		if out, ok := r.apply(in); !ok && out != "" {
			t.Errorf("%q although it does not match", out)
		}
	})
}

func TestConfigurationNamesTheFieldThatIsWrong(t *testing.T) {
	for _, c := range []struct {
		conf Config
		want string
	}{
		{Config{}, "name: "},
		{Config{Name: "a", Match: "("}, "match: "},
		{Config{Name: "a", Replace: `\7`}, "replace: "},
		{Config{Name: "a", PostMatch: `(?!x)`}, "post_match: "},
		{Config{Name: "a", PostReplace: `\7`}, "post_replace: "},
		{Config{Name: "a", Total: -1}, "total: "},
		{Config{Name: "a", Tries: 11}, "tries: "},
		{Config{Name: "a", Guard: GuardConfig{Wrong: -1}}, "guard.wrong: "},
		{Config{Name: "a", Aliases: []string{""}}, "aliases[0]: "},
		{Config{Name: "a", Sounds: map[string]string{"hello": "x.wav"}}, "sounds.hello: "},
		{Config{Name: "a", Sounds: map[string]string{"enter": "none.wav"}}, "sounds.enter: "},
	} {
		if err := c.conf.Validate(); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v, want it to begin with %q", err, c.want)
		}
	}
}

func TestOwnSoundsReplaceSentences(t *testing.T) {
	for _, hz := range []int{8000, 16000, 48000} {
		file := filepath.Join(t.TempDir(), "enter.wav")
		w, err := os.Create(file)
		if err != nil {
			t.Fatal(err)
		}
		pcm := make([]int16, 2*hz)
		tone.Sine(440, -12, hz).Fill(pcm)
		if err := tone.WriteWAV(w, pcm, hz); err != nil {
			t.Fatal(err)
		}
		_ = w.Close()
		d, err := (&Config{Name: "a", Sounds: map[string]string{"enter": file}}).open()
		if err != nil {
			t.Fatal(err)
		}
		if got := d.lasts("enter"); got < 1990*time.Millisecond || got > 2*time.Second {
			t.Errorf("two seconds at %d Hz last %v", hz, got)
		}
		if l := tone.LevelAt(d.speech["enter"], rate, 440); l < -13 {
			t.Errorf("the tone at %d Hz has %.0f dBFS", hz, l)
		}
	}
}
