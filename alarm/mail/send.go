package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"os"
	"time"
)

const (
	sendTime = 30 * time.Second // for all of a mail
	maxRoots = 1 << 20          // bytes
)

// send hands the message to the mail server. Errors name the step and what the
// server said, and never the password.
func send(ctx context.Context, conf Config, message []byte) error {
	host, addr := conf.address()
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	secure, err := tlsConfig(conf, host)
	if err != nil {
		return err
	}
	conn, err := dial(ctx, conf, addr, secure)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", addr, err)
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return fmt.Errorf("the mail server %s does not greet: %w", addr, err)
	}
	if err := introduce(c, conf, host, secure); err != nil {
		return err
	}
	if err := handOver(c, conf, message); err != nil {
		return err
	}
	_ = c.Quit() // the mail is taken
	return nil
}

func tlsConfig(conf Config, host string) (*tls.Config, error) {
	c := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if conf.Roots == "" {
		return c, nil
	}
	info, err := os.Stat(conf.Roots)
	if err != nil || info.Size() > maxRoots {
		return nil, errors.Join(errors.New("roots cannot be read"), err)
	}
	text, err := os.ReadFile(conf.Roots)
	if err != nil {
		return nil, fmt.Errorf("roots: %w", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("roots: %s holds no certificate in PEM form", conf.Roots)
	}
	return c, nil
}

func dial(ctx context.Context, conf Config, addr string, secure *tls.Config) (net.Conn, error) {
	if conf.TLS == implicitTLS {
		return (&tls.Dialer{Config: secure}).DialContext(ctx, "tcp", addr)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", addr)
}

// introduce says who we are, over TLS.
func introduce(c *smtp.Client, conf Config, host string, secure *tls.Config) error {
	if name, err := os.Hostname(); err == nil {
		if err := c.Hello(name); err != nil {
			return fmt.Errorf("the mail server does not take the greeting: %w", err)
		}
	}
	if conf.TLS == "" || conf.TLS == startTLS {
		if ok, _ := c.Extension("STARTTLS"); !ok {
			return errors.New("the mail server offers no STARTTLS; set tls to implicit if its port is meant for that")
		}
		if err := c.StartTLS(secure); err != nil {
			return fmt.Errorf("STARTTLS with the mail server: %w", err)
		}
	}
	if conf.User == "" {
		return nil
	}
	if err := c.Auth(smtp.PlainAuth("", conf.User, conf.Password.Reveal(), host)); err != nil {
		return fmt.Errorf("the mail server refuses user %s: %w", conf.User, err)
	}
	return nil
}

func handOver(c *smtp.Client, conf Config, message []byte) error {
	if err := c.Mail(bare(conf.From)); err != nil {
		return fmt.Errorf("the mail server refuses the sender %s: %w", conf.From, err)
	}
	taken, refused := 0, error(nil)
	for _, to := range conf.To {
		if err := c.Rcpt(bare(to)); err != nil {
			refused = errors.Join(refused, fmt.Errorf("the mail server refuses %s: %w", to, err))
			continue
		}
		taken++
	}
	if taken == 0 {
		return refused
	}
	w, err := c.Data()
	if err == nil {
		_, err = w.Write(message)
		err = errors.Join(err, w.Close())
	}
	if err != nil {
		return fmt.Errorf("the mail server does not take the mail: %w", err)
	}
	return nil // one wrong address keeps nobody else from hearing
}
