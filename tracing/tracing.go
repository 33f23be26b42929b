// Package tracing tells a trace collector of calls: a span for each call with its
// legs as children, by OTLP over HTTP (OpenTelemetry protocol 1.x, its JSON form).
// Start reading at [Exporter.Ended] and [Exporter.Run].
package tracing

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"tandem/token"
)

// Config says where traces go. The zero value sends none.
type Config struct {
	URL           string       `yaml:"url,omitempty"`           // of a collector, such as http://127.0.0.1:4318; /v1/traces is added to a bare host; default off
	Authorization token.Secret `yaml:"authorization,omitempty"` // value of the header of that name; default none
	Numbers       bool         `yaml:"numbers,omitempty"`       // callers, callees and addresses, too; default no
}

// Validate names the fields that are wrong.
func (c *Config) Validate() error {
	if c.URL == "" {
		return nil
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return errors.New("url: must be http:// or https://, without a user: a collector's is such as http://127.0.0.1:4318")
	}
	if a := c.Authorization.Reveal(); a != "" && strings.ContainsAny(a, "\r\n") {
		return errors.New("authorization: must be one line")
	}
	return nil
}

// endpoint is where traces are posted.
func (c *Config) endpoint() (string, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return "", fmt.Errorf("tracing: %w", err)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/traces"
	}
	return u.String(), nil
}

// client follows no redirection: what it carries is for the collector only.
func client() *http.Client {
	return &http.Client{
		Timeout:       postTime,
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 1, TLSHandshakeTimeout: postTime, IdleConnTimeout: idleTime},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
