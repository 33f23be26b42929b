package reception

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"tandem/internal/rewrite"
	"tandem/media/codec"
	"tandem/media/prompt"
	"tandem/media/tone"
)

// Config is one reception as a person writes it: it asks for a meeting ID and passes
// the caller on to what was typed. Only Name is needed.
type Config struct {
	Name    string   `yaml:"name"`
	Aliases []string `yaml:"aliases,omitempty"` // what is dialled to reach it, before any rule is looked at; a rule's target leads here, too

	Token       string `yaml:"token,omitempty"`        // access token to look IDs up with, of any trust; without one nothing is looked up
	Match       string `yaml:"match,omitempty"`        // RE2 for the whole of what was typed; default any
	Replace     string `yaml:"replace,omitempty"`      // what it becomes before the lookup; \1 or $1 is the first group
	PostMatch   string `yaml:"post_match,omitempty"`   // RE2 for the whole ID, after the lookup; default any
	PostReplace string `yaml:"post_replace,omitempty"` // what is then dialled, as a new call

	Title  string            `yaml:"title,omitempty"`  // on the screen; default "Join a meeting"
	Notice string            `yaml:"notice,omitempty"` // below it; default tells what to type
	Sounds map[string]string `yaml:"sounds,omitempty"` // WAV files in place of the sentences built in, by their names

	NoInput time.Duration `yaml:"no_input,omitempty"` // without any key; default 20 s
	Between time.Duration `yaml:"between,omitempty"`  // from one key to the next; default 10 s
	Total   time.Duration `yaml:"total,omitempty"`    // in the reception altogether; default 2 min
	Tries   int           `yaml:"tries,omitempty"`    // default 3

	Guard GuardConfig `yaml:"guard,omitempty"`
}

// GuardConfig bounds how many IDs a caller may guess.
type GuardConfig struct {
	Off    bool          `yaml:"off,omitempty"`
	Wrong  int           `yaml:"wrong,omitempty"`  // unknown IDs of one caller until it is turned away; default 20
	Within time.Duration `yaml:"within,omitempty"` // default 10 min
	Block  time.Duration `yaml:"block,omitempty"`  // for how long; default 10 min
	Allow  []string      `yaml:"allow,omitempty"`  // devices, trunks, accounts or numbers that are never turned away
}

// Defaults of Config. The reference's V-7 has the total, V-8 the others.
const (
	defaultNoInput = 20 * time.Second
	defaultBetween = 10 * time.Second
	defaultTotal   = 2 * time.Minute
	defaultTries   = 3
	maxTries       = 10
	defaultTitle   = "Join a meeting"
	defaultNotice  = "Type the meeting ID, then #. With * you begin again."
)

// sentences are what a reception says; Config.Sounds may replace each.
func sentences() []prompt.Name {
	return []prompt.Name{
		prompt.Enter, prompt.Again, prompt.Goodbye, prompt.Connecting, prompt.Silent, prompt.Unknown, prompt.Ended,
		prompt.Refused, prompt.Unanswered, prompt.Full, prompt.Unavailable,
	}
}

// Validate names the fields that are wrong, all at once.
func (c *Config) Validate() error {
	var errs []error
	bad := func(field string, err error) { errs = append(errs, fmt.Errorf("%s: %w", field, err)) }
	if c.Name == "" {
		bad("name", errors.New("a reception needs a name; rules, records and the log call it so"))
	}
	for i, a := range c.Aliases {
		if a == "" {
			bad(fmt.Sprintf("aliases[%d]", i), errors.New("is empty"))
		}
	}
	if _, err := rewrite.Compile(c.Match, c.Replace); err != nil {
		bad(rewrite.FieldOf(err, "match", "replace"), err)
	}
	if _, err := rewrite.Compile(c.PostMatch, c.PostReplace); err != nil {
		bad(rewrite.FieldOf(err, "post_match", "post_replace"), err)
	}
	for _, f := range []struct {
		field string
		d     time.Duration
	}{{"no_input", c.NoInput}, {"between", c.Between}, {"total", c.Total}, {"guard.within", c.Guard.Within}, {"guard.block", c.Guard.Block}} {
		if f.d < 0 {
			bad(f.field, errors.New("must not be negative"))
		}
	}
	if c.Tries < 0 || c.Tries > maxTries {
		bad("tries", fmt.Errorf("%d is not between 1 and %d", c.Tries, maxTries))
	}
	if c.Guard.Wrong < 0 {
		bad("guard.wrong", errors.New("must not be negative; off: true turns the guard off"))
	}
	return errors.Join(append(errs, c.checkSounds()...)...)
}

func (c *Config) checkSounds() (errs []error) {
	for _, name := range slices.Sorted(maps.Keys(c.Sounds)) {
		if !slices.Contains(sentences(), prompt.Name(name)) {
			errs = append(errs, fmt.Errorf("sounds.%s: there is no such sentence; there are %v", name, sentences()))
		} else if _, err := readSound(c.Sounds[name]); err != nil {
			errs = append(errs, fmt.Errorf("sounds.%s: %w", name, err))
		}
	}
	return errs
}

func (c *Config) withDefaults() Config {
	out := *c
	out.NoInput, out.Between = or(c.NoInput, defaultNoInput), or(c.Between, defaultBetween)
	out.Total, out.Tries = or(c.Total, defaultTotal), or(c.Tries, defaultTries)
	out.Title, out.Notice = or(c.Title, defaultTitle), or(c.Notice, defaultNotice)
	out.Guard.Wrong = or(c.Guard.Wrong, 20)
	out.Guard.Within, out.Guard.Block = or(c.Guard.Within, 10*time.Minute), or(c.Guard.Block, 10*time.Minute)
	return out
}

func or[T comparable](v, standard T) T {
	var zero T
	if v == zero {
		return standard
	}
	return v
}

// desk is a reception ready for calls. It never changes.
type desk struct {
	Config        // with nothing left out
	before, after rewrite.Rule
	speech        map[prompt.Name][]int16 // at rate
}

// open makes a reception of its configuration.
func (c *Config) open() (*desk, error) {
	d := &desk{Config: c.withDefaults(), speech: make(map[prompt.Name][]int16)}
	var err error
	if d.before, err = rewrite.Compile(c.Match, c.Replace); err != nil {
		return nil, fmt.Errorf("%s: %w", rewrite.FieldOf(err, "match", "replace"), err)
	}
	if d.after, err = rewrite.Compile(c.PostMatch, c.PostReplace); err != nil {
		return nil, fmt.Errorf("%s: %w", rewrite.FieldOf(err, "post_match", "post_replace"), err)
	}
	for _, name := range sentences() {
		if file := c.Sounds[string(name)]; file != "" {
			d.speech[name], err = readSound(file)
		} else {
			d.speech[name], err = prompt.Get(name, rate)
		}
		if err != nil {
			return nil, fmt.Errorf("sounds.%s: %w", name, err)
		}
	}
	return d, nil
}

// lasts is how long sentences take, one after the other.
func (d *desk) lasts(names ...prompt.Name) time.Duration {
	samples := 0
	for _, n := range names {
		samples += len(d.speech[n])
	}
	return time.Duration(samples) * time.Second / rate
}

const longestSound = 30 * time.Second

// readSound reads a WAV file as samples at rate.
func readSound(path string) ([]int16, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	pcm, from, err := tone.ReadWAV(f)
	if err != nil {
		return nil, err
	}
	if took := time.Duration(len(pcm)) * time.Second / time.Duration(from); took > longestSound {
		return nil, fmt.Errorf("%s lasts %v; a sentence may last %v", path, took.Round(time.Second), longestSound)
	}
	if from == rate {
		return pcm, nil
	}
	r, err := codec.NewResampler(from, rate)
	if err != nil {
		return nil, err
	}
	frame := from / 50 // what the resampler takes at once comes in whole ticks
	out := make([]int16, 0, len(pcm)*rate/from+1)
	for ; len(pcm) >= frame; pcm = pcm[frame:] {
		out = r.Resample(out, pcm[:frame])
	}
	return out, nil
}
