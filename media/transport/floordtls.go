package transport

import (
	"context"
	"crypto/x509"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"

	"tandem/internal/pipe"
	"tandem/media/bfcp"
	"tandem/media/sdp"
)

// floorDTLS is the DTLS association of floor control (RFC 8856 §9). Records come from the
// port's reader, and leave by it.
type floorDTLS struct {
	floor *floorControl
	peer  atomic.Pointer[netip.AddrPort] // where the last record came from
	pipe  atomic.Pointer[pipe.Conn]      // of the association

	// Owned by whoever negotiates.
	agreed sdp.DTLSParams
	stop   context.CancelFunc // nil: there is none
	done   chan struct{}
}

// begin prepares for what the far end sends before its answer is here.
func (d *floorDTLS) begin(f *floorControl) {
	d.floor = f
	d.renew()
}

// renew makes room for a new association.
func (d *floorDTLS) renew() {
	p := pipe.New(&net.UDPAddr{IP: net.IPv4zero}, func(b []byte, _ netip.AddrPort) {
		if to := d.peer.Load(); to != nil {
			_, _ = d.floor.udp.WriteToUDPAddrPort(b, *to)
		}
	})
	if old := d.pipe.Swap(p); old != nil {
		_ = old.Close()
	}
}

// put takes a record from the port.
func (d *floorDTLS) put(b []byte, from netip.AddrPort) {
	d.peer.Store(&from)
	d.pipe.Load().Put(b, from)
}

// agree begins the association, or keeps the one that stands (RFC 8842 §5.5).
func (d *floorDTLS) agree(p sdp.DTLSParams) {
	if d.stop != nil && d.agreed.Role == p.Role && slices.Equal(d.agreed.Fingerprints, p.Fingerprints) {
		return
	}
	if d.stop != nil {
		d.end()
		d.renew()
	}
	ctx, cancel := context.WithCancel(context.Background())
	d.agreed, d.stop, d.done = p, cancel, make(chan struct{})
	d.floor.mu.Lock()
	if to := d.floor.to; d.peer.Load() == nil && to.IsValid() {
		d.peer.Store(&to)
	}
	d.floor.mu.Unlock()
	go d.run(ctx, p)
}

// end ends the association, with a word to the far end, and waits for it.
func (d *floorDTLS) end() {
	if d.stop == nil {
		return
	}
	d.stop()
	<-d.done
	d.stop = nil
}

// run shakes hands, again when the far end begins anew.
func (d *floorDTLS) run(ctx context.Context, p sdp.DTLSParams) {
	defer close(d.done)
	for ctx.Err() == nil {
		at := d.pipe.Load()
		if p.Role == sdp.RoleServer && at.Await(ctx) != nil {
			return
		}
		conn, err := d.handshake(ctx, at, p)
		if err == nil {
			d.serve(ctx, conn)
		}
		if conn != nil {
			_ = conn.Close()
		}
		if ctx.Err() == nil {
			d.renew()
			pause(ctx, floorAgain)
		}
	}
}

// floorAgain keeps a far end whose handshakes fail from keeping us busy.
const floorAgain = time.Second

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (d *floorDTLS) handshake(ctx context.Context, at *pipe.Conn, p sdp.DTLSParams) (*dtls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectDefault)
	defer cancel()
	check := func(chain [][]byte, _ [][]*x509.Certificate) error { return verify(p.Fingerprints, chain) }
	shared := []dtls.Option{
		dtls.WithCertificates(d.floor.engine.identity.certificate), dtls.WithLoggerFactory(pipe.Quiet()),
		dtls.WithInsecureSkipVerify(true), // the fingerprint says more than any authority
		dtls.WithVerifyPeerCertificate(check), dtls.WithExtendedMasterSecret(dtls.RequestExtendedMasterSecret),
		dtls.WithCipherSuites(cipherSuites[:]...), dtls.WithFlightInterval(200 * time.Millisecond),
	}
	conn, err := newDTLS(at, p.Role, shared)
	if err != nil {
		return nil, err
	}
	return conn, conn.HandshakeContext(ctx)
}

// serve takes messages until the association ends.
func (d *floorDTLS) serve(ctx context.Context, conn *dtls.Conn) {
	f := d.floor
	f.mu.Lock()
	f.conn = conn
	f.mu.Unlock()
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		_ = conn.Close()
	})
	defer func() {
		if !stop() {
			<-closed // the last word is out
		}
	}()
	b := make([]byte, bfcp.MaxSize)
	for {
		n, err := conn.Read(b)
		f.mu.Lock()
		if err != nil {
			f.conn = nil
			f.mu.Unlock()
			return
		}
		now := time.Now()
		f.receive(now, b[:n])
		f.alarmLocked(now)
		f.mu.Unlock()
	}
}
