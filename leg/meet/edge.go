package meet

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tandem/call"
	"tandem/token"
)

const (
	audience     = "https://meetings.googleapis.com/" // of gateway tokens
	askTimeout   = 10 * time.Second                   // of one request (contract, 2.6)
	leaveTimeout = 2 * time.Second                    // MEET-C10
	maxBody      = 256 << 10
	maxText      = 300 // characters of the service's own words that are kept
)

// edge speaks HTTPS with the meeting service for one access token.
type edge struct {
	base    *url.URL
	http    *http.Client
	gateway *token.Gateway
	access  token.Access
	log     *slog.Logger
	trace   trace
}

// newClient makes the HTTPS client of all edges of one configuration.
func newClient(conf *tls.Config) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			TLSClientConfig: conf, ForceAttemptHTTP2: true, TLSHandshakeTimeout: askTimeout, IdleConnTimeout: time.Minute,
			DialContext: (&net.Dialer{Timeout: askTimeout}).DialContext, MaxResponseHeaderBytes: 64 << 10, MaxIdleConnsPerHost: 16,
		},
		// Credentials are for the configured host only.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// A Space is a meeting as the service describes it.
type Space struct {
	Name         string `json:"name"` // "spaces/<id>"
	MeetingCode  string `json:"meetingCode"`
	MeetingURI   string `json:"meetingUri"`
	PIN          string `json:"universalPin"`
	Title        string `json:"title"`
	State        string `json:"state"` // "ACTIVE", "IDLE", "ENDED"
	Knock        bool   `json:"knock"` // somebody has to admit us
	Participants int    `json:"participants"`
}

type joinRequest struct {
	Offer       string `json:"offer"`
	DisplayName string `json:"displayName"`
	Kind        string `json:"kind"` // "ROOM", "PHONE"
	RequestID   string `json:"requestId"`
	Device      string `json:"device,omitempty"`
}

type joinAnswer struct {
	Answer         string   `json:"answer"`
	TraceID        string   `json:"traceId"`
	Device         string   `json:"device"`
	ParticipantKey string   `json:"participantKey"`
	Space          Space    `json:"space"`
	Admission      string   `json:"admission"` // "JOINED", "LOBBY"
	LobbyTimeout   duration `json:"lobbyTimeout"`
	Limits         limits   `json:"limits"`
}

type limits struct {
	MaxAudios      int `json:"maxAudios"`
	MaxVideos      int `json:"maxVideos"`
	UplinkBitrate  int `json:"uplinkBitrate"`
	ContentBitrate int `json:"contentBitrate"`
}

// duration is protobuf's JSON form: "30s", "2.5s". What is broken counts as not told.
type duration time.Duration

// UnmarshalJSON never fails.
func (d *duration) UnmarshalJSON(b []byte) error {
	v, err := time.ParseDuration(strings.Trim(string(b), `"`))
	if err == nil && v > 0 && v < 24*time.Hour {
		*d = duration(v)
	}
	return nil
}

// A Refusal is an answer of the meeting service that is none of the wanted ones.
type Refusal struct {
	Status  int           // HTTP
	Reason  string        // such as MEETING_NOT_FOUND; may be empty
	Message string        // the service's words, cut to one line
	Rule    string        // of the contract, when the service names one
	Retry   time.Duration // when to try again; 0 for not told
}

// Error is a sentence with all the service said.
func (r *Refusal) Error() string {
	s := fmt.Sprintf("the meeting service answered %d", r.Status)
	if r.Message != "" {
		s += ": " + r.Message
	} else if r.Reason != "" {
		s += ": " + r.Reason
	}
	if r.Rule != "" {
		s += " (" + r.Rule + ")"
	}
	return s
}

func (r *Refusal) verdict() verdict {
	if v, ok := refusalOf(r.Reason); ok {
		return v
	}
	return verdictOfStatus(r.Status)
}

// Cause is what the caller is told.
func (r *Refusal) Cause() call.Cause { return r.verdict().cause }

// resolve asks for a meeting.
func (e *edge) resolve(ctx context.Context, alias string) (Space, error) {
	var s Space
	err := e.retrying(ctx, nil, func(ctx context.Context) error {
		s = Space{}
		return e.ask(ctx, http.MethodGet, "/v1/spaces/"+url.PathEscape(alias), nil, &s)
	})
	return s.clean(), err
}

// join asks to be let in, and does not ask again after enough is closed.
func (e *edge) join(ctx context.Context, alias string, req joinRequest, enough <-chan struct{}) (joinAnswer, error) {
	var a joinAnswer
	err := e.retrying(ctx, enough, func(ctx context.Context) error {
		a = joinAnswer{}
		return e.ask(ctx, http.MethodPost, "/v1/spaces/"+url.PathEscape(alias)+":join", req, &a)
	})
	a.Space = a.Space.clean()
	return a, err
}

// restart asks for new ICE credentials of a device.
func (e *edge) restart(ctx context.Context, device, offer string) (string, error) {
	var a joinAnswer
	err := e.ask(ctx, http.MethodPost, "/v1/"+device+":restart", map[string]string{"offer": offer}, &a)
	return a.Answer, err
}

// update makes a device one of another kind, by an offer with more sections.
func (e *edge) update(ctx context.Context, device string, req joinRequest) (string, error) {
	var a joinAnswer
	err := e.retrying(ctx, nil, func(ctx context.Context) error {
		return e.ask(ctx, http.MethodPost, "/v1/"+device+":update", req, &a)
	})
	return a.Answer, err
}

// leave makes the service forget a device whose data channels cannot be used. When it
// had ended the device itself, it says why.
func (e *edge) leave(ctx context.Context, device string) (reason string, err error) {
	var a struct {
		Reason string `json:"disconnectReason"`
	}
	err = e.ask(ctx, http.MethodDelete, "/v1/"+device, nil, &a)
	if no := (*Refusal)(nil); errors.As(err, &no) && no.Reason == "DEVICE_NOT_FOUND" {
		return "", nil
	}
	return a.Reason, err
}

// ask makes one request.
func (e *edge) ask(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var body io.Reader = http.NoBody
	var sent []byte
	if in != nil {
		var err error
		if sent, err = json.Marshal(in); err != nil {
			return fmt.Errorf("write the request: %w", err)
		}
		body = bytes.NewReader(sent)
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(e.base.String(), "/")+path, body)
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	jwt, err := e.gateway.Token(audience)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+jwt.Reveal())
	r.Header.Set("Meet-Access-Token", e.access.Secret.Reveal())
	e.trace.asked(r, sent)
	resp, err := e.http.Do(r)
	if err != nil {
		e.trace.told(r, nil, nil, err)
		return fmt.Errorf("ask the meeting service: %w", withoutURL(err))
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		e.trace.told(r, nil, nil, err)
		return fmt.Errorf("read the meeting service's answer: %w", err)
	}
	e.trace.told(r, resp, text, nil)
	return understand(resp, text, out)
}

// withoutURL takes the address out of an error: it may hold a meeting's ID.
func withoutURL(err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		return u.Err
	}
	return err
}

// errAnswer says that a 200 was not what the contract says.
var errAnswer = errors.New("the meeting service's answer cannot be understood")

func understand(resp *http.Response, text []byte, out any) error {
	if resp.StatusCode != http.StatusOK {
		return refused(resp.StatusCode, resp.Header, text)
	}
	if len(text) > maxBody {
		return fmt.Errorf("%w: it is larger than %d octets", errAnswer, maxBody)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("%w: it is not the JSON that was agreed", errAnswer)
	}
	return nil
}

// refused reads an error answer. Any body is possible; the reason is looked for in
// the details, then at the beginning of the message.
func refused(status int, h http.Header, text []byte) *Refusal {
	var body struct {
		Error struct {
			Message string `json:"message"`
			Details []struct {
				Reason     string            `json:"reason"`
				Metadata   map[string]string `json:"metadata"`
				RetryDelay duration          `json:"retryDelay"`
			} `json:"details"`
		} `json:"error"`
	}
	r := &Refusal{Status: status}
	if len(text) <= maxBody && json.Unmarshal(text, &body) == nil {
		r.Message = oneLine(body.Error.Message, maxText)
		for _, d := range body.Error.Details {
			if r.Reason == "" {
				r.Reason, r.Rule = oneLine(d.Reason, 60), oneLine(d.Metadata["rule"], 20)
			}
			r.Retry = max(r.Retry, time.Duration(d.RetryDelay))
		}
	}
	if r.Reason == "" {
		if reason, _, ok := strings.Cut(r.Message, ": "); ok && strings.Trim(reason, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == "" {
			r.Reason = reason
		}
	}
	if n, err := strconv.Atoi(h.Get("Retry-After")); err == nil && n > 0 && n < 86400 {
		r.Retry = max(r.Retry, time.Duration(n)*time.Second)
	}
	return r
}

// clean makes what the service says fit for screens and logs.
func (s Space) clean() Space {
	s.Name, s.Title, s.State = oneLine(s.Name, 100), oneLine(s.Title, 200), oneLine(s.State, 20)
	s.MeetingCode, s.MeetingURI, s.PIN = oneLine(s.MeetingCode, 40), oneLine(s.MeetingURI, 200), oneLine(s.PIN, 20)
	return s
}
