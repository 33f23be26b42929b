package token

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

const commandTimeout = 20 * time.Second

// Command gets the token from a program of the user's own: what the program
// writes to its standard output is the token. The program is run without a
// shell at every call of Token. Its standard error is shown in the error, so it
// must not write secrets there.
type Command struct {
	Name    string        // whose tokens these are, for errors: the account
	Args    []string      // program and arguments
	Env     []string      // KEY=VALUE; nil is the gateway's own environment
	Timeout time.Duration // 0 is 20 s
}

// Token runs the program. Its token's expiry is not known; on error there is
// no token, because only the program knows whether an old one is still good.
func (c *Command) Token(ctx context.Context) (Secret, time.Time, error) {
	if len(c.Args) == 0 {
		return "", time.Time{}, c.wrap(errors.New("no command is configured"))
	}
	secret, err := c.run(ctx)
	if err != nil {
		return "", time.Time{}, c.wrap(err)
	}
	return secret, time.Time{}, nil
}

func (c *Command) run(ctx context.Context) (Secret, error) {
	limit := c.Timeout
	if limit <= 0 {
		limit = commandTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	stdout, stderr := bounded{limit: maxAnswer}, bounded{limit: 4096}
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = c.Env, &stdout, &stderr
	// A child that the program left behind may hold its output open.
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		return "", timeoutOr(ctx.Err())
	}
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, line(stderr.buf.String(), 200))
	}
	if stdout.over {
		return "", fmt.Errorf("%w: it is larger than %d bytes", ErrAnswer, maxAnswer)
	}
	token := string(bytes.TrimSpace(stdout.buf.Bytes()))
	if err := check(token); err != nil {
		return "", err
	}
	return Secret(token), nil
}

func (c *Command) wrap(err error) error {
	return fmt.Errorf("run the token command of %s: %w", c.Name, err)
}

// bounded keeps the first limit bytes and swallows the rest, so that a chatty
// program neither fills the memory nor dies of a broken pipe.
type bounded struct {
	buf   bytes.Buffer
	limit int
	over  bool
}

// Write implements io.Writer; it never fails.
func (b *bounded) Write(p []byte) (int, error) {
	room := b.limit - b.buf.Len()
	if len(p) > room {
		b.over = true
		b.buf.Write(p[:room])
		return len(p), nil
	}
	b.buf.Write(p)
	return len(p), nil
}
