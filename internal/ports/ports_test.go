package ports

import (
	"net"
	"testing"
)

func TestFreePortsCanBeTaken(t *testing.T) {
	addrs, err := Free(20)
	if err != nil || len(addrs) != 20 {
		t.Fatalf("got %v, %v", addrs, err)
	}
	seen := make(map[string]bool)
	for _, a := range addrs {
		if seen[a] {
			t.Errorf("%s comes twice", a)
		}
		seen[a] = true
		l, err := net.Listen("tcp", a)
		if err != nil {
			t.Error(err)
			continue
		}
		defer l.Close()
	}
}
