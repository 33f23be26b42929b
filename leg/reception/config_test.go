package reception

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/media/tone"
)

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
