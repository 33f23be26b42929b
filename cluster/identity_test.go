package cluster

import (
	"crypto/tls"
	"net"
	"testing"
)

// connect shakes hands between a client and a server; the error is either side's.
func connect(t *testing.T, client, server *Identity, to string) (seenByServer, seenByClient string, err error) {
	t.Helper()
	a, b := wire(t)
	defer a.Close()
	defer b.Close()
	conf := client.Client()
	conf.ServerName = ServerName(to)
	c, s := tls.Client(a, conf), tls.Server(b, server.Server())
	done := make(chan error, 1)
	go func() {
		err := s.Handshake()
		if err != nil {
			b.Close()
		}
		done <- err
	}()
	err = c.Handshake()
	if err != nil {
		a.Close()
	}
	if e := <-done; err == nil {
		err = e
	}
	if err != nil {
		return "", "", err
	}
	cs, ss := c.ConnectionState(), s.ConnectionState()
	seenByClient, err = client.Peer(&cs)
	if err != nil {
		return "", "", err
	}
	seenByServer, err = server.Peer(&ss)
	return seenByServer, seenByClient, err
}

// wire is a connection with room for what both ends say at once, such as an alert
// and a certificate; a net.Pipe has none.
func wire(t *testing.T) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return a, b
}

func TestMachinesKnowEachOtherByTheSecret(t *testing.T) {
	make := func(secret, name string) *Identity {
		id, err := NewIdentity(secret, name)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	const secret = "a secret of the cluster"
	a, b, stranger := make(secret, "a"), make(secret, "host_b with blanks"), make("another secret, as long", "a")
	if bySeen, aSeen, err := connect(t, a, b, b.Name); err != nil || bySeen != "a" || aSeen != b.Name {
		t.Errorf("got %q, %q, %v", bySeen, aSeen, err)
	}
	if _, _, err := connect(t, a, b, "c"); err == nil {
		t.Error("b was taken for c")
	}
	if _, _, err := connect(t, stranger, b, b.Name); err == nil {
		t.Error("a stranger was let in")
	}
	if _, _, err := connect(t, a, stranger, "a"); err == nil {
		t.Error("a stranger was taken for a machine of the cluster")
	}
	if !a.CA.Equal(b.CA) {
		t.Error("the authority differs between machines")
	}
	if _, err := NewIdentity("short", "a"); err == nil {
		t.Error("a short secret was taken")
	}
	if _, err := a.Peer(nil); err == nil {
		t.Error("no TLS was taken for a machine")
	}
}
