//go:build linux

package main

import (
	"net"
	"strings"
	"testing"
)

func TestAPortThatIsTakenIsNamed(t *testing.T) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := c.LocalAddr().String()
	err = vacant("Kamailio", addr)
	if err == nil || !strings.Contains(err.Error(), "Kamailio needs UDP port "+addr+", which another program holds") {
		t.Errorf("got %v", err)
	}
	c.Close()
	if err := vacant("Kamailio", addr); err != nil {
		t.Errorf("a port that is free again: %v", err)
	}
}

func TestAMissedGoalIsCalledSo(t *testing.T) {
	l := line{ours: 3.3, peer: 1, goal: 1}
	if !strings.Contains(l.String(), "<= 1.00  MISSED") {
		t.Error(l)
	}
	l.ours = 1
	if strings.Contains(l.String(), "MISSED") {
		t.Error(l)
	}
}
