package gvoice

import (
	"fmt"
	"strings"
)

// A round is one go through an account's proxies, of which none worked so far.
// What the first one said matters: the alternates of a profile need not exist.
type round struct {
	first error
	also  []string
}

// failed notes why proxy did not work, and returns what a person is told: the
// first proxy's error, and which others were tried.
func (r *round) failed(proxy string, err error) error {
	if r.first == nil {
		r.first = err
		return err
	}
	r.also = append(r.also, proxy)
	return fmt.Errorf("%w; also tried %s", r.first, strings.Join(r.also, ", "))
}
