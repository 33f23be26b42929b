// Package config reads the gateway's file: it composes the Config structs of
// the parts, and refuses what it does not understand with the line, the column
// and a sentence. Start reading at [Decode].
package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	yamltoken "github.com/goccy/go-yaml/token"
)

const (
	maxFile   = 1 << 20 // bytes of a file
	maxNodes  = 100_000 // values in a file, aliases followed
	maxDepth  = 50      // values inside each other
	maxErrors = 20      // told at once
)

// Error is one thing that is wrong with a file.
type Error struct {
	File   string
	Line   int    // from 1; 0 when it is about the whole file
	Column int    // from 1
	Field  string // "accounts[2].client_secret"; empty when there is none
	Msg    string // what is wrong, without any secret
}

// Error is file:line:column: field: what is wrong.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}
	if e.File != "" {
		b.WriteString(": ")
	}
	if e.Field != "" {
		b.WriteString(e.Field + ": ")
	}
	return b.String() + e.Msg
}

// Errors is all that is wrong with a file, in the order of the lines.
type Errors []*Error

// Error is one error a line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// References is where ${NAME} and file:path in secrets lead to. The zero value
// leads nowhere: such a secret is then an error. See [System].
type References struct {
	Getenv   func(name string) (value string, ok bool)
	ReadFile func(path string) ([]byte, error)
}

// System looks up the process's environment, and files relative to dir, the
// configuration file's.
func System(dir string) References {
	return References{
		Getenv: os.LookupEnv,
		ReadFile: func(path string) ([]byte, error) {
			if !filepath.IsAbs(path) {
				path = filepath.Join(dir, path)
			}
			return readBounded(path, maxSecret)
		},
	}
}

// DecodeFile reads the file at path into v; see Decode.
func DecodeFile(path string, v any) error {
	text, err := readBounded(path, maxFile)
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	return Decode(path, text, v, System(filepath.Dir(path)))
}

// Decode reads one YAML document into the struct v points to. What the document
// does not name keeps its value, so v may hold defaults; a list replaces the
// whole list. Fields are named by their yaml tag, or else in snake case.
//
//   - An unknown or repeated field is an error, with a suggestion.
//   - A time.Duration needs a unit: 500ms, 30s, 1h30m, 7d, 2w.
//   - A token.Secret may be ${NAME}, a variable of the environment, or
//     file:path, the content of a file without its last newline.
//   - encoding.TextUnmarshaler and go-yaml's unmarshalers are called.
//
// The error is an [Errors] with everything that is wrong. name stands for the
// file in it.
func Decode(name string, text []byte, v any, refs References) error {
	_, err := decode(name, text, v, refs, false)
	return err
}

// decode is Decode that also tells where each field stands.
func decode(name string, text []byte, v any, refs References, masked bool) (map[string]place, error) {
	to := reflect.ValueOf(v)
	if to.Kind() != reflect.Pointer || to.Elem().Kind() != reflect.Struct {
		panic(fmt.Sprintf("config: Decode wants a pointer to a struct, not a %T", v))
	}
	d := &decoder{file: name, refs: refs, anchors: make(map[string]ast.Node), places: make(map[string]place), kept: masked}
	body, ok := d.parse(text)
	if ok && body != nil {
		d.value(body, to.Elem(), "", 0)
	}
	if len(d.errs) > 0 {
		return d.places, d.errs
	}
	return d.places, nil
}

// parse returns the document, nil when it is empty.
func (d *decoder) parse(text []byte) (body ast.Node, ok bool) {
	defer func() {
		// The parser is not ours: what it cannot bear is the text's fault.
		if r := recover(); r != nil {
			d.errs = append(d.errs, &Error{File: d.file, Msg: "this is not YAML that can be read"})
			body, ok = nil, false
		}
	}()
	if err := checkText(text); err != nil {
		d.errs = append(d.errs, &Error{File: d.file, Msg: err.Error()})
		return nil, false
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		d.syntax(err)
		return nil, false
	}
	var docs []ast.Node
	for _, doc := range file.Docs {
		if doc.Body != nil {
			docs = append(docs, doc.Body)
		}
	}
	if len(docs) == 0 {
		return nil, true
	}
	if len(docs) > 1 {
		d.fail(docs[1], "", "a second document begins here; a configuration is one document")
		return nil, false
	}
	return docs[0], true
}

// syntax takes over the parser's error, without the excerpt of the file that
// its Error method shows: it could hold a secret.
func (d *decoder) syntax(err error) {
	e := &Error{File: d.file, Msg: "this is not YAML that can be read"}
	var known yaml.Error
	if errors.As(err, &known) {
		e.Msg = known.GetMessage()
		e.Line, e.Column = position(known.GetToken())
	}
	d.errs = append(d.errs, e)
}

// checkText refuses what the parser should not be asked to read: too much, or
// nested so deeply that it would recurse until the stack is full.
func checkText(text []byte) error {
	if len(text) > maxFile {
		return fmt.Errorf("the file has more than %d bytes", maxFile)
	}
	open := 0
	for line := range strings.Lines(string(text)) {
		for _, c := range line {
			switch c {
			case '[', '{':
				open++
			case ']', '}':
				open = max(open-1, 0)
			}
			if open > 20*maxDepth {
				return errors.New("brackets are nested too deeply")
			}
		}
		if strings.Count(line, "- ")+strings.Count(line, "? ")+strings.Count(line, ": ")+strings.Count(line, "!") > 20*maxDepth {
			return errors.New("a line is nested too deeply")
		}
	}
	return nil
}

func position(t *yamltoken.Token) (line, column int) {
	if t == nil || t.Position == nil {
		return 0, 0
	}
	return t.Position.Line, t.Position.Column
}
