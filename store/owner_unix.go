//go:build unix

package store

import (
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives a new file the owner of the one it replaces: root changes the
// files of a service.
func keepOwner(path string, old fs.FileInfo) error {
	if s, ok := old.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		return os.Chown(path, int(s.Uid), int(s.Gid))
	}
	return nil
}
