package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"tandem/token"
)

const maxSecret = 64 << 10 // bytes of a secret's file

// secret sets v to what the text is or refers to. Errors never show the text
// unless it is a reference.
func (d *decoder) secret(n ast.Node, v *token.Secret, text, field string) {
	if d.kept && text == "" {
		*v = cleared // said, not left out
		return
	}
	if text == Mask && d.kept || d.literal {
		*v = token.Secret(text)
		return
	}
	if text == Mask || text != "" && text == token.Secret(text).String() {
		d.fail(n, field, "this stands for a secret that an export does not show; enter the secret, ${NAME} or file:path")
		return
	}
	if name, ok := environmentName(text); ok {
		value := ""
		if d.refs.Getenv != nil {
			value, ok = d.refs.Getenv(name)
		} else {
			ok = false
		}
		if !ok || value == "" {
			d.fail(n, field, "the environment variable %s is not set, or empty", name)
			return
		}
		*v = token.Secret(value)
		return
	}
	path, ok := strings.CutPrefix(text, "file:")
	if !ok {
		*v = token.Secret(text)
		return
	}
	if d.refs.ReadFile == nil {
		d.fail(n, field, "secrets cannot be read from files here")
		return
	}
	content, err := d.refs.ReadFile(path)
	if err != nil {
		d.fail(n, field, "%v", err)
		return
	}
	secret := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	if secret == "" {
		d.fail(n, field, "the file %s is empty", path)
		return
	}
	*v = token.Secret(secret)
}

// environmentName takes NAME out of ${NAME}, the whole text.
func environmentName(text string) (string, bool) {
	name, ok := strings.CutPrefix(text, "${")
	if !ok {
		return "", false
	}
	name, ok = strings.CutSuffix(name, "}")
	return name, ok && name != "" && !strings.ContainsAny(name, "${}=\x00")
}

// readBounded reads a regular file, a pipe or a device, but not without end.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("read %s: it has more than %d bytes", path, limit)
	}
	return b, nil
}

// longUnits are the units that time.ParseDuration does not know.
var longUnits = regexp.MustCompile(`^(?:(\d{1,4})w)?(?:(\d{1,5})d)?(.*)$`)

// ParseDuration reads 500ms, 30s, 1h30m, 7d or 1w2d12h. A number needs a unit,
// but for 0, and is not negative.
func ParseDuration(text string) (time.Duration, error) {
	wrong := fmt.Errorf("%q is not a duration; write a number with a unit, such as 500ms, 30s, 5m, 1h30m or 7d", short(text))
	parts := longUnits.FindStringSubmatch(text)
	if parts == nil || text == "" {
		return 0, wrong
	}
	var sum time.Duration
	for i, unit := range []time.Duration{7 * 24 * time.Hour, 24 * time.Hour} {
		n, _ := strconv.Atoi(parts[i+1]) // digits or nothing
		sum += time.Duration(n) * unit
	}
	if parts[3] == "" {
		return sum, nil
	}
	rest, err := time.ParseDuration(parts[3])
	if err != nil {
		return 0, wrong
	}
	if rest < 0 || strings.HasPrefix(parts[3], "-") {
		return 0, errors.New("a duration cannot be negative")
	}
	if sum+rest < sum {
		return 0, wrong
	}
	return sum + rest, nil
}
