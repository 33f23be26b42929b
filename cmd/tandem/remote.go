package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"tandem/config"
	"tandem/control"
)

// remote is the configuration of record behind a gateway's API.
type remote struct {
	url    string // without a slash at the end
	key    string
	client *http.Client
}

var _ record = (*remote)(nil)

const (
	remoteTime = time.Minute
	maxAnswer  = 16 << 20 // octets
)

func newRemote(address, key string) (*remote, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("--url: want an address such as https://gw.example.com")
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return nil, fmt.Errorf("--url: %s would show the API key and new secrets to the network; use https", u.Redacted())
	}
	if key == "" {
		return nil, errors.New("an API key is needed: make one on the web page, and give it as TANDEM_API_KEY")
	}
	return &remote{strings.TrimRight(u.Scheme+"://"+u.Host+u.Path, "/"), key, &http.Client{Timeout: remoteTime}}, nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// ask sends a request and reads the answer into to. Header holds what is sent, and
// afterwards what came.
func (r *remote) ask(ctx context.Context, method, path string, header http.Header, body []byte, to any) (http.Header, error) {
	q, err := http.NewRequestWithContext(ctx, method, r.url+"/api/v1"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		q.Header[name] = values
	}
	q.Header.Set("Authorization", "Bearer "+r.key)
	if body != nil {
		q.Header.Set("Content-Type", "application/json")
	}
	a, err := r.client.Do(q)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			return nil, fmt.Errorf("the gateway at %s does not answer: %w", r.url, op)
		}
		return nil, err
	}
	defer func() { _ = a.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(a.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the gateway's answer: %w", err)
	}
	if a.StatusCode/100 != 2 {
		return nil, problemOf(a.StatusCode, text)
	}
	if to == nil {
		return a.Header, nil
	}
	if err := json.Unmarshal(text, to); err != nil {
		return nil, fmt.Errorf("the gateway's answer to %s cannot be read: %w", path, err)
	}
	return a.Header, nil
}

// problemOf is a problem (RFC 9457) as an error: about fields, where it names
// them.
func problemOf(status int, text []byte) error {
	var p struct {
		Title, Detail string
		Errors        []struct{ Location, Message string }
	}
	if json.Unmarshal(text, &p) != nil || p.Detail == "" && p.Title == "" {
		return fmt.Errorf("the gateway answers %d %s", status, http.StatusText(status))
	}
	if status == http.StatusPreconditionFailed {
		return control.ErrConflict
	}
	var fields config.Errors
	for _, e := range p.Errors {
		field := strings.TrimPrefix(strings.TrimPrefix(e.Location, "config."), "body.")
		fields = append(fields, &config.Error{Field: field, Msg: e.Message})
	}
	if len(fields) > 0 {
		return fields
	}
	return fmt.Errorf("the gateway answers: %s", firstOf(p.Detail, p.Title))
}

func firstOf(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}

// newest is the configuration with the tag that tells it is still the newest.
func (r *remote) newest(ctx context.Context) (*config.Config, string, error) {
	var text json.RawMessage
	header, err := r.ask(ctx, http.MethodGet, "/config", nil, nil, &text)
	if err != nil {
		return nil, "", err
	}
	c := new(config.Config)
	return c, header.Get("ETag"), config.FromJSON(text, c)
}

func (r *remote) at(ctx context.Context, number int64) (*config.Config, control.Version, error) {
	if number == 0 {
		newest, err := r.versions(ctx, 1)
		if err != nil {
			return nil, control.Version{}, err
		}
		if len(newest) == 0 {
			return nil, control.Version{}, errors.New("this gateway takes its configuration from a file; it has no versions")
		}
		number = newest[0].Number
	}
	var a struct {
		control.Version
		Config json.RawMessage `json:"config"`
	}
	if _, err := r.ask(ctx, http.MethodGet, fmt.Sprintf("/versions/%d", number), nil, nil, &a); err != nil {
		return nil, control.Version{}, err
	}
	c := new(config.Config)
	return c, a.Version, config.FromJSON(a.Config, c)
}

// document is what is sent: the file's configuration with the fields of the
// gateway's machine.
func document(c, machine *config.Config) ([]byte, error) {
	return config.RevealJSON(c.WithMachine(machine))
}

func (r *remote) try(ctx context.Context, c *config.Config) (control.Diff, error) {
	now, _, err := r.newest(ctx)
	if err != nil {
		return nil, err
	}
	text, err := document(c, now)
	if err != nil {
		return nil, err
	}
	var a struct {
		Diff control.Diff `json:"diff"`
	}
	_, err = r.ask(ctx, http.MethodPost, "/config/try", nil, text, &a)
	return a.Diff, err
}

func (r *remote) replace(ctx context.Context, c *config.Config, expect int64, comment string) (control.Version, error) {
	now, tag, err := r.newest(ctx)
	if err != nil {
		return control.Version{}, err
	}
	if expect != 0 {
		newest, err := r.versions(ctx, 1)
		if err != nil || len(newest) == 0 || newest[0].Number != expect {
			return control.Version{}, errors.Join(err, control.ErrConflict)
		}
	}
	text, err := document(c, now)
	if err != nil {
		return control.Version{}, err
	}
	var v control.Version
	_, err = r.ask(ctx, http.MethodPut, "/config", noted(comment, "If-Match", tag), text, &v)
	return v, err
}

// noted is the comment of a change, and one more header field.
func noted(comment string, more ...string) http.Header {
	h := make(http.Header)
	if comment = strings.Join(strings.Fields(comment), " "); comment != "" {
		h.Set("X-Change-Comment", comment)
	}
	for i := 0; i+1 < len(more); i += 2 {
		h.Set(more[i], more[i+1])
	}
	return h
}

func (r *remote) versions(ctx context.Context, limit int) ([]control.Version, error) {
	var a struct {
		Items []control.Version `json:"items"`
	}
	_, err := r.ask(ctx, http.MethodGet, fmt.Sprintf("/versions?limit=%d", max(1, min(limit, 1000))), nil, nil, &a)
	return a.Items, err
}

func (r *remote) diff(ctx context.Context, from, to int64) (control.Diff, error) {
	var a struct {
		Items control.Diff `json:"items"`
	}
	_, err := r.ask(ctx, http.MethodGet, fmt.Sprintf("/versions/%d/diff?from=%d", to, from), nil, nil, &a)
	return a.Items, err
}

func (r *remote) rollback(ctx context.Context, to int64, comment string) (control.Version, error) {
	var v control.Version
	_, err := r.ask(ctx, http.MethodPost, fmt.Sprintf("/versions/%d/rollback", to), noted(comment), nil, &v)
	return v, err
}
