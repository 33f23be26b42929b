//go:build unix

package flow

import "syscall"

// A tryWriter writes what the system takes without waiting. It allocates nothing
// per write; its user serialises.
type tryWriter struct {
	raw syscall.RawConn
	fn  func(fd uintptr) bool
	b   []byte
	n   int
	err error
}

func newTryWriter(raw syscall.RawConn) *tryWriter {
	w := &tryWriter{raw: raw}
	w.fn = w.once
	return w
}

func (w *tryWriter) write(b []byte) (n int, err error) {
	w.b, w.n, w.err = b, 0, nil
	if err := w.raw.Write(w.fn); err != nil {
		return 0, err
	}
	w.b = nil
	return w.n, w.err
}

// once reports true always: never wait.
func (w *tryWriter) once(fd uintptr) bool {
	for {
		n, err := syscall.Write(int(fd), w.b)
		switch err {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
		default:
			w.n, w.err = max(n, 0), err
		}
		return true
	}
}
