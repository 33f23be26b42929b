// Package ports finds ports for the programs that a test starts.
package ports

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// The ports lie below those that the system gives to whoever asks for any, and below
// those of media: nobody else takes one between now and the start of the program.
const (
	first = 10000
	last  = 15999
)

// Free returns n different addresses of 127.0.0.1 that nobody has, neither by TCP nor
// by UDP.
func Free(n int) ([]string, error) {
	var addrs []string
	for _, p := range rand.Perm(last - first + 1) { // more than one test looks at a time
		if len(addrs) == n {
			return addrs, nil
		}
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(first+p))
		l, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		c, err := net.ListenPacket("udp", addr)
		if err == nil {
			addrs = append(addrs, addr)
			_ = c.Close()
		}
		_ = l.Close()
	}
	return nil, errors.New("no port between " + strconv.Itoa(first) + " and " + strconv.Itoa(last) + " is free")
}
