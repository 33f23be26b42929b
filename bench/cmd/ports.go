//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// vacant says whether a UDP port can be had, before a program is started that would
// end, or be measured beside a stranger who holds it.
func vacant(program, addr string) error {
	c, err := net.ListenPacket("udp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s needs UDP port %s, which another program holds (`ss -lunp` tells which); end it and measure again", program, addr)
	case err != nil:
		return fmt.Errorf("%s needs UDP port %s: %w", program, addr, err)
	}
	return c.Close()
}
