package main

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"tandem/config"
)

func TestALazyLoggerWritesTheSame(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var lazy, plain strings.Builder
		var direct slog.Handler = slog.NewTextHandler(&plain, nil)
		if format == "json" {
			direct = slog.NewJSONHandler(&plain, nil)
		}
		for _, log := range []*slog.Logger{newLog(config.Log{Format: format}, &lazy), slog.New(direct)} {
			call := log.With("call", "1").With("leg", "a", "n", 3)
			call.Info("began", "to", "300")
			call.Debug("nobody hears this")
			call.WithGroup("media").With("codec", "PCMU").Warn("loss", "percent", 2)
			call.Info("ended")
			log.Info("unrelated")
		}
		got, want := withoutTimes(lazy.String()), withoutTimes(plain.String())
		if got != want {
			t.Errorf("%s: wrote\n%s\nwant\n%s", format, got, want)
		}
	}
}

// withoutTimes cuts the time off, which begins each line.
func withoutTimes(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		_, rest, _ := strings.Cut(line, "level")
		b.WriteString(rest)
	}
	return b.String()
}

func BenchmarkLoggerOfACall(b *testing.B) {
	log := newLog(config.Log{Level: slog.LevelWarn}, &strings.Builder{})
	b.ReportAllocs()
	for b.Loop() {
		log.With("call", "0123456789ab").Info("call began")
	}
}

// What callers send stays within its line of the log, and commands no terminal.
func TestALineOfTheLogIsOneLine(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var b bytes.Buffer
		evil := "\x1b[2J\x1b]0;x\a\r\nlevel=ERROR msg=forged \u2028 \u0085 \u202e \x00 \x7f \u009b31m"
		newLog(config.Log{Format: format}, &b).With("leg", evil).Info("call", "from", evil, "err", errors.New(evil), "list", []string{evil}, evil, 1)
		line := strings.TrimSuffix(b.String(), "\n")
		for _, r := range line {
			if r < ' ' || r == 0x7f || r >= 0x80 && r <= 0x9f || r == 0x2028 {
				t.Errorf("%s: %U is in the line as it is: %q", format, r, line)
			}
		}
	}
}
