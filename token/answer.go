package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"tandem/alarm"
)

// maxLifetime bounds what an endpoint may claim: ten years, so that adding it
// to a time cannot overflow.
const maxLifetime = 10 * 365 * 24 * 3600 // s

// seconds is a lifetime in seconds; some endpoints send it as a string.
// Nonsense counts as "not said": the token is good all the same.
type seconds int64

// UnmarshalJSON reads 3600, 3599.5 and "3600".
func (s *seconds) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseFloat(string(bytes.Trim(b, `"`)), 64)
	if err == nil && v > 0 && v <= maxLifetime {
		*s = seconds(v)
	}
	return nil
}

// read takes the token out of the endpoint's answer (RFC 6749 §5.1, §5.2).
func (f *flight) read(status int, body []byte, asked time.Time) error {
	if status != http.StatusOK {
		return refusal(status, body)
	}
	var answer struct {
		AccessToken string  `json:"access_token"`
		ExpiresIn   seconds `json:"expires_in"`
	}
	// The decoder's own words would quote parts of the answer.
	if json.Unmarshal(body, &answer) != nil {
		return fmt.Errorf("%w: it is not the JSON of RFC 6749 §5.1", ErrAnswer)
	}
	if err := check(answer.AccessToken); err != nil {
		return err
	}
	f.secret = Secret(answer.AccessToken)
	if answer.ExpiresIn > 0 {
		f.expiry = asked.Add(time.Duration(answer.ExpiresIn) * time.Second)
	}
	return nil
}

// refusal reads an error answer: RFC 6749's {"error": "code"} or Google's
// {"error": {"status": "CODE", "message": "..."}}.
func refusal(status int, body []byte) *StatusError {
	e := &StatusError{Status: status}
	var flat struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &flat) == nil {
		e.Code, e.Description = line(flat.Error, 40), line(flat.Description, 200)
		return e
	}
	var nested struct {
		Error struct {
			Status  string `json:"status"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &nested) == nil {
		e.Code, e.Description = line(nested.Error.Status, 40), line(nested.Error.Message, 200)
	}
	return e
}

// check refuses what cannot stand inside token="..." of a SIP header: it would
// break the header, or smuggle one in.
func check(token string) error {
	if token == "" {
		return fmt.Errorf("%w: it holds no access token", ErrAnswer)
	}
	for i := range len(token) {
		if c := token[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return fmt.Errorf("%w: byte %d is not allowed in a token", ErrAnswer, i+1)
		}
	}
	return nil
}

// alarm raises what only a person can mend, and clears it at the next success.
func (s *Source) alarm(err error) {
	if s.Alarms == nil {
		return
	}
	grant, client := "token/"+s.Name+"/grant", "token/"+s.Name+"/client"
	switch {
	case err == nil:
		s.Alarms.Clear(grant)
		s.Alarms.Clear(client)
	case errors.Is(err, ErrInvalidGrant):
		s.Alarms.Raise(alarm.Alarm{
			Key: grant, Severity: alarm.Critical, Subject: s.Name, Detail: err.Error(),
			Title: "The refresh token is no longer accepted",
			Do: "Grant consent again for this account and enter the new refresh token. A token ends when its user " +
				"changes the password or withdraws access, and after 7 days while the OAuth client is in testing.",
		})
	case errors.Is(err, ErrInvalidClient):
		s.Alarms.Raise(alarm.Alarm{
			Key: client, Severity: alarm.Critical, Subject: s.Name, Detail: err.Error(),
			Title: "The OAuth client is not accepted",
			Do:    "Check the client id and client secret of this account against the OAuth client in your cloud console.",
		})
	}
}
