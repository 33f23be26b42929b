// Package e2e tells whole-gateway stories: the gateway between simulated phones
// and the simulated Google Voice edge, over real sockets of this machine. Each
// file in testdata is one story; the commands are in commands_test.go.
package e2e

import (
	"log/slog"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestStories(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:   "testdata",
		Cmds:  commands,
		Setup: setup,
	})
}

// timed says that how long things take is measured: by `make soak`, on a machine with
// nothing else to do.
func timed() bool { return os.Getenv("TANDEM_HOSTILE") != "" }

func storyLog() *slog.Logger {
	if path := os.Getenv("TANDEM_E2E_LOG"); path != "" {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err == nil {
			return slog.New(slog.NewTextHandler(f, &slog.HandlerOptions{Level: slog.LevelDebug}))
		}
	}
	return slog.New(slog.DiscardHandler)
}
