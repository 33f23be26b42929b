// Package importer turns configurations of other programs into Tandem's, and
// tells what it did not take and why. Start reading at [Asterisk] and [Pexip].
package importer

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"tandem/config"
)

const (
	maxText    = 8 << 20 // bytes of all files together
	maxObjects = 100_000 // sections or objects
	maxNotes   = 2000
)

// File is one file to import.
type File struct {
	Name string
	Text []byte
}

// Result is the configuration, and what a person has to know of it.
type Result struct {
	Config *config.Config
	Notes  []Note
}

// A Note is one thing that was not taken, or not as it was.
type Note struct {
	Where string // the section or object
	Text  string // what is different, why, and what to do
}

// String is the note in one line.
func (n Note) String() string { return n.Where + ": " + n.Text }

func (r *Result) note(where, format string, args ...any) {
	if len(r.Notes) < maxNotes {
		r.Notes = append(r.Notes, Note{where, fmt.Sprintf(format, args...)})
	}
}

// check adds what the configuration still lacks.
func (r *Result) check() {
	var wrong config.Errors
	if errors.As(r.Config.Check(), &wrong) {
		for _, e := range wrong {
			r.note("to do", "%s", e.Error())
		}
	}
}

func bounded(files []File) error {
	size := 0
	for _, f := range files {
		size += len(f.Text)
	}
	if size > maxText {
		return fmt.Errorf("the files have %d bytes, more than %d", size, maxText)
	}
	return nil
}

// notInName is what a device or trunk cannot be called.
var notInName = regexp.MustCompile(`[@:;<>"'\s]+`)

// nameOf makes a text a name for a device or trunk.
func nameOf(text string) string { return strings.Trim(notInName.ReplaceAllString(text, "-"), "-") }

// names hands out names that are not taken yet.
type names map[string]bool

func (n names) take(want string) string {
	if want == "" {
		want = "unnamed"
	}
	name := want
	for i := 2; n[name]; i++ {
		name = fmt.Sprintf("%s-%d", want, i)
	}
	n[name] = true
	return name
}
