package meet

import (
	"errors"
	"syscall"
)

// isBusy reports whether a port is taken by somebody else.
func isBusy(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }
