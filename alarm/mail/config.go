package mail

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strconv"
	"strings"

	"tandem/alarm"
	"tandem/token"
)

// Config says where alarms are mailed to. The zero value mails nothing.
type Config struct {
	Server   string       `yaml:"server,omitempty"`       // host, or host:port; the port is 587 by default, 465 with implicit TLS
	TLS      string       `yaml:"tls,omitempty"`          // starttls (default), implicit, or none: only for a server on this machine
	From     string       `yaml:"from,omitempty"`         // sender
	To       []string     `yaml:"to,omitempty"`           // who gets the mails
	User     string       `yaml:"user,omitempty"`         // where the server wants one
	Password token.Secret `yaml:"password,omitempty"`     //
	Roots    string       `yaml:"roots,omitempty"`        // PEM file of the authorities the server's certificate may be from; default the system's
	Severity string       `yaml:"min_severity,omitempty"` // least severe alarms that are mailed: info, warning (default), critical
}

// The ways to TLS.
const (
	startTLS    = "starttls"
	implicitTLS = "implicit"
	noTLS       = "none"
)

// Validate names the fields that are wrong, all at once.
func (c *Config) Validate() error {
	if c.Server == "" {
		if c.From != "" || len(c.To) > 0 || c.User != "" {
			return errors.New("server: name the mail server, or remove the rest")
		}
		return nil
	}
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	host, addr := c.address()
	switch c.TLS {
	case "", startTLS, implicitTLS:
	case noTLS:
		if !local(host) {
			bad("tls: none would show passwords and alarms to whoever is on the way to %s; only a server on this machine may go without", host)
		}
	default:
		bad("tls: %q is none of starttls, implicit, none", c.TLS)
	}
	if host == "" || strings.ContainsAny(host, " /@\r\n") || !isPort(addr) {
		bad("server: %q is not host or host:port", c.Server)
	}
	if _, err := mail.ParseAddress(c.From); err != nil {
		bad("from: %q is not a mail address", c.From)
	}
	if len(c.To) == 0 {
		bad("to: name at least one mail address")
	}
	for i, to := range c.To {
		if _, err := mail.ParseAddress(to); err != nil {
			bad("to[%d]: %q is not a mail address", i, to)
		}
	}
	if c.User == "" && !c.Password.IsZero() {
		bad("user: there is a password without a user")
	}
	if _, err := c.least(); err != nil {
		bad("min_severity: %w", err)
	}
	return errors.Join(errs...)
}

// address returns the server's host, and host:port.
func (c *Config) address() (host, addr string) {
	host, port, err := net.SplitHostPort(c.Server)
	if err != nil {
		host, port = strings.Trim(c.Server, "[]"), "587"
		if c.TLS == implicitTLS {
			port = "465"
		}
	}
	return host, net.JoinHostPort(host, port)
}

// least is the severity from which on alarms are mailed.
func (c *Config) least() (s alarm.Severity, err error) {
	if c.Severity == "" {
		return alarm.Warning, nil
	}
	err = s.UnmarshalText([]byte(c.Severity))
	return s, err
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func isPort(addr string) bool {
	port, err := strconv.ParseUint(addr[strings.LastIndexByte(addr, ':')+1:], 10, 16)
	return err == nil && port > 0
}
