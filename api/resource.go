package api

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tandem/config"
	"tandem/control"
	"tandem/identity"
)

// A part is a piece of the configuration as JSON, with the names of the file.
type part json.RawMessage

// MarshalJSON implements json.Marshaler.
func (p part) MarshalJSON() ([]byte, error) { return json.RawMessage(p).MarshalJSON() }

// UnmarshalJSON implements json.Unmarshaler.
func (p *part) UnmarshalJSON(b []byte) error { return (*json.RawMessage)(p).UnmarshalJSON(b) }

// Schema says that it is an object; what is in it, the schema of the configuration says.
func (part) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}

type (
	listInput struct {
		Q     string `query:"q" maxLength:"200" doc:"Only those with this text in them."`
		After string `query:"after" maxLength:"250" doc:"The next of the page before."`
		Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	}
	listOutput struct {
		ETag string `header:"ETag"`
		Body struct {
			Items   []part `json:"items"`
			Version int64  `json:"version" doc:"Of the configuration."`
			Total   int    `json:"total" doc:"How many there are, on all pages."`
			Next    string `json:"next,omitempty" doc:"Goes into after for the next page; nothing on the last."`
		}
	}
	nameInput struct {
		Name string `path:"name" maxLength:"250"`
	}
	partOutput struct {
		ETag string `header:"ETag"`
		Body part
	}
	addInput struct {
		Comment string `header:"X-Change-Comment" maxLength:"500" doc:"Why, for the list of versions."`
		Body    part
	}
	putInput struct {
		Name    string `path:"name" maxLength:"250"`
		IfMatch string `header:"If-Match" doc:"The ETag that was seen; 412 when somebody was faster."`
		Comment string `header:"X-Change-Comment" maxLength:"500" doc:"Why, for the list of versions."`
		Body    part
	}
	removeInput struct {
		Name    string `path:"name" maxLength:"250"`
		IfMatch string `header:"If-Match"`
		Comment string `header:"X-Change-Comment" maxLength:"500"`
	}
)

func (s *Server) registerResources() {
	for _, k := range kinds() {
		s.registerKind(k)
	}
	op := operation(identity.Configure, http.MethodPost, "/rules/order", "order-rules", "config", "Put the rules into another order")
	op.Errors = append(op.Errors, http.StatusConflict)
	huma.Register(s.api, op, s.orderRules)
}

func (s *Server) registerKind(k kind) {
	word, article := k.one(), "a "
	if strings.Contains("aeiou", word[:1]) {
		article = "an "
	}
	id := strings.ReplaceAll(word, " ", "-")
	huma.Register(s.api, operation(identity.Read, http.MethodGet, "/"+k.path(), "list-"+k.path(), "config", "List: "+word),
		func(_ context.Context, in *listInput) (*listOutput, error) { return s.list(k, in) })
	op := operation(identity.Configure, http.MethodPost, "/"+k.path(), "add-"+id, "config", "Add "+article+word)
	op.DefaultStatus = http.StatusCreated
	op.Errors = append(op.Errors, http.StatusConflict)
	huma.Register(s.api, op, func(ctx context.Context, in *addInput) (*partOutput, error) {
		return s.put(ctx, k, "", "", in.Comment, in.Body)
	})
	huma.Register(s.api, operation(identity.Read, http.MethodGet, "/"+k.path()+"/{name}", "get-"+id, "config", "Show "+article+word),
		func(_ context.Context, in *nameInput) (*partOutput, error) {
			c, _ := s.Config.Current()
			return show(k, c, in.Name)
		})
	op = operation(identity.Configure, http.MethodPut, "/"+k.path()+"/{name}", "change-"+id, "config", "Change "+article+word)
	op.Errors = append(op.Errors, http.StatusConflict, http.StatusPreconditionFailed)
	huma.Register(s.api, op, func(ctx context.Context, in *putInput) (*partOutput, error) {
		return s.put(ctx, k, in.Name, in.IfMatch, in.Comment, in.Body)
	})
	op = operation(identity.Configure, http.MethodDelete, "/"+k.path()+"/{name}", "remove-"+id, "config", "Remove "+article+word)
	op.Errors = append(op.Errors, http.StatusConflict, http.StatusPreconditionFailed, http.StatusUnprocessableEntity)
	huma.Register(s.api, op, func(ctx context.Context, in *removeInput) (*struct{}, error) {
		return nil, s.remove(ctx, k, in)
	})
}

// list answers with a page. Only what is on the page is turned into JSON.
func (s *Server) list(k kind, in *listInput) (*listOutput, error) {
	c, v := s.Config.Current()
	names := k.names(c)
	places := make([]int, len(names))
	for i := range places {
		places[i] = i
	}
	if text := strings.ToLower(strings.TrimSpace(in.Q)); text != "" {
		places = k.found(c, text)
	}
	out := &listOutput{ETag: versionTag(v.Number)}
	out.Body.Items, out.Body.Version, out.Body.Total = []part{}, v.Number, len(places)
	first := 0
	if in.After != "" {
		first = slices.IndexFunc(places, func(place int) bool { return names[place] == in.After }) + 1
		if first == 0 {
			return nil, huma.Error422UnprocessableEntity("after names nothing that is there; begin again", &huma.ErrorDetail{Location: "query.after", Message: "there is none of this name any more"})
		}
	}
	last := min(first+in.Limit, len(places))
	for _, place := range places[first:last] {
		text, err := config.JSON(k.at(c, place))
		if err != nil {
			return nil, err
		}
		out.Body.Items = append(out.Body.Items, text)
	}
	if last < len(places) {
		out.Body.Next = names[places[last-1]]
	}
	return out, nil
}

// show answers with one thing.
func show(k kind, c *config.Config, name string) (*partOutput, error) {
	v, _, ok := k.get(c, name)
	if !ok {
		return nil, huma.Error404NotFound(fmt.Sprintf("there is no %s %q", k.one(), clip(name, 60)))
	}
	text, err := config.JSON(v)
	return &partOutput{ETag: partTag(text), Body: text}, err
}

// partTag changes when what is shown changes.
func partTag(text []byte) string {
	sum := sha256.Sum256(text)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}

func versionTag(number int64) string { return fmt.Sprintf(`"%d"`, number) }

// put adds (name "") or replaces one thing.
func (s *Server) put(ctx context.Context, k kind, name, ifMatch, comment string, body part) (*partOutput, error) {
	newName, at := "", ""
	did := "change " + k.one() + " " + name
	if name == "" {
		did = "add a " + k.one()
	}
	_, err := s.change(ctx, s.author(ctx, comment, did), 0, func(c *config.Config) (err error) {
		if name != "" {
			if err := matches(k, c, name, ifMatch); err != nil {
				return err
			}
		}
		if newName, err = k.put(c, name, body); err == nil {
			_, at, _ = k.get(c, newName)
		}
		return err
	})
	if err != nil {
		if err = changeProblem(err, at); k.path() == "groups" {
			err = inMembers(err)
		}
		return nil, err
	}
	c, _ := s.Config.Current()
	return show(k, c, newName)
}

func (s *Server) remove(ctx context.Context, k kind, in *removeInput) error {
	_, err := s.change(ctx, s.author(ctx, in.Comment, "remove "+k.one()+" "+in.Name), 0, func(c *config.Config) error {
		if err := matches(k, c, in.Name, in.IfMatch); err != nil {
			return err
		}
		k.remove(c, in.Name)
		return nil
	})
	return changeProblem(err, nowhere)
}

// nowhere is where the body of a request without one went.
const nowhere = "\x00"

// matches wants a thing to be there, and to be what its editor has seen.
func matches(k kind, c *config.Config, name, ifMatch string) error {
	seen, err := show(k, c, name)
	if err != nil {
		return err
	}
	if !tagMatches(ifMatch, seen.ETag) {
		return errChanged
	}
	return nil
}

// errChanged is the answer to an If-Match that does not match.
var errChanged = huma.Error412PreconditionFailed("somebody else has changed this meanwhile; look at it again")

// tagMatches compares an If-Match header, which may name several tags, with a tag.
func tagMatches(ifMatch, tag string) bool {
	if ifMatch == "" || ifMatch == "*" {
		return true
	}
	for one := range strings.SplitSeq(ifMatch, ",") {
		if strings.TrimSpace(one) == tag {
			return true
		}
	}
	return false
}

// versionOf reads a tag of a version of the configuration.
func versionOf(tag string) (int64, error) {
	n, err := strconv.ParseInt(strings.Trim(tag, `"`), 10, 64)
	if err != nil || n <= 0 {
		return 0, huma.Error412PreconditionFailed("If-Match is not the ETag of a version of the configuration")
	}
	return n, nil
}

// author is who changes, with a comment: what they said, or else what they did.
func (s *Server) author(ctx context.Context, comment, did string) control.Author {
	return control.Author{Name: who(ctx).String(), Comment: clip(cmp.Or(strings.TrimSpace(comment), did), 500)}
}

// A bodyError is about what was sent, and its fields are those of the body.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return e.err.Error() }
func (e *bodyError) Unwrap() error { return e.err }

// changeProblem is the answer to a change that was not made. at is where in the
// configuration the body went.
func changeProblem(err error, at string) error {
	var body *bodyError
	var fields config.Errors
	switch {
	case errors.As(err, &body):
		return invalid(body.err, "")
	case errors.As(err, &fields):
		return invalid(fields, at)
	}
	return problem(err)
}
