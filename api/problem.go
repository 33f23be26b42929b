package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tandem/config"
	"tandem/control"
	"tandem/identity"
	"tandem/store"
	"tandem/webhook"
)

// discreet removes from problems what was sent: it may have been a password.
func discreet(_ huma.Context, _ string, v any) (any, error) {
	if problem, ok := v.(*huma.ErrorModel); ok {
		for _, e := range problem.Errors {
			e.Value = nil
			if e.Location == "body" && problem.Status == http.StatusBadRequest {
				e.Message = "this is not JSON that can be read"
			}
		}
	}
	return v, nil
}

// writeProblem answers where no operation does.
func writeProblem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(huma.ErrorModel{Title: http.StatusText(status), Status: status, Detail: detail})
}

// problem is the answer to an error, in one place.
func problem(err error) error {
	var input *identity.InputError
	var slow *identity.TooManyError
	var hook *webhook.InputError
	var status huma.StatusError
	var fields config.Errors
	switch {
	case err == nil:
		return nil
	case errors.As(err, &status):
		return err
	case errors.As(err, &input):
		return invalid(err, "")
	case errors.As(err, &hook):
		return invalid(err, "")
	case errors.Is(err, webhook.ErrNotFound):
		return huma.Error404NotFound(err.Error())
	case errors.Is(err, webhook.ErrTaken):
		return huma.Error409Conflict(err.Error())
	case errors.Is(err, webhook.ErrConflict):
		return errChanged
	case errors.As(err, &slow):
		return tooMany(slow.Error(), math.Ceil(slow.Wait.Seconds()))
	case errors.As(err, &fields):
		return invalid(err, "")
	case errors.Is(err, identity.ErrSignIn), errors.Is(err, identity.ErrSession), errors.Is(err, identity.ErrKey):
		return huma.Error401Unauthorized(err.Error())
	case errors.Is(err, identity.ErrCSRF), errors.Is(err, identity.ErrSetUpLink):
		return huma.Error403Forbidden(err.Error())
	case errors.Is(err, identity.ErrNotFound), errors.Is(err, store.ErrNotFound), errors.Is(err, ErrNotFound), errors.Is(err, control.ErrNoVersion):
		return huma.Error404NotFound(notFoundText(err))
	case errors.Is(err, identity.ErrTaken), errors.Is(err, identity.ErrLastAdmin), errors.Is(err, identity.ErrSetUp), errors.Is(err, control.ErrReadOnly), errors.Is(err, ErrState):
		return huma.Error409Conflict(err.Error())
	case errors.Is(err, control.ErrUnreadable):
		return huma.Error409Conflict(err.Error())
	case errors.Is(err, control.ErrConflict):
		return huma.Error412PreconditionFailed("somebody else has changed the configuration meanwhile; look at it again")
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrFull), errors.Is(err, store.ErrReadOnly):
		return huma.Error503ServiceUnavailable(err.Error())
	}
	return err // 500; huma shows nothing of it but its text
}

func notFoundText(err error) string {
	if errors.Is(err, store.ErrNotFound) {
		return "there is none of this name"
	}
	return err.Error()
}

func tooMany(text string, seconds float64) error {
	return huma.ErrorWithHeaders(huma.Error429TooManyRequests(text), http.Header{"Retry-After": {fmt.Sprintf("%.0f", max(seconds, 1))}})
}

// invalid is 422 with the fields that are wrong. Those of the part that was sent,
// which is at a path of the configuration, are told as parts of the body.
func invalid(err error, at string) error {
	var details []error
	for _, one := range flatten(err) {
		field, text := fieldOf(one)
		details = append(details, &huma.ErrorDetail{Location: locationOf(field, at), Message: text})
	}
	text := "what was sent is not valid"
	if len(details) == 1 {
		text = details[0].(*huma.ErrorDetail).Message
	}
	return huma.Error422UnprocessableEntity(text, details...)
}

// locationOf is where a field of the configuration is in a request.
func locationOf(field, at string) string {
	switch rest, inside := strings.CutPrefix(field, at); {
	case field == "":
		return "body"
	case at == "" || inside && rest == "":
		return strings.TrimSuffix("body."+rest, ".")
	case inside && (rest[0] == '.' || rest[0] == '['):
		return "body" + rest
	}
	return "config." + field // the rest of the configuration does not fit what was sent
}

// fieldOf is what an error is about.
func fieldOf(err error) (field, text string) {
	var input *identity.InputError
	var hook *webhook.InputError
	var one *config.Error
	switch {
	case errors.As(err, &hook):
		return hook.Field, hook.Message
	case errors.As(err, &input):
		return input.Field, input.Message
	case errors.As(err, &one):
		return one.Field, one.Msg
	}
	field, text, ok := strings.Cut(err.Error(), ": ")
	if !ok || strings.ContainsAny(field, " \"") {
		return "", err.Error()
	}
	return field, text
}

// flatten lists joined errors, and the fields of an error of the configuration.
func flatten(err error) (all []error) {
	var fields config.Errors
	if errors.As(err, &fields) {
		for _, f := range fields {
			all = append(all, f)
		}
		return all
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	for _, e := range joined.Unwrap() {
		all = append(all, flatten(e)...)
	}
	return all
}
