package meet

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/datachannel"
	"github.com/pion/dtls/v3"
	prtp "github.com/pion/rtp"
	"github.com/pion/sctp"
	"github.com/pion/srtp/v3"

	"tandem/internal/pipe"
)

// A link is the transport of one join: a UDP port for each family, ICE, DTLS-SRTP
// and the data channels over it. A knock that is repeated makes a new one; the
// session with its streams stays.
//
//	start -> ICE checks -> DTLS handshake -> SCTP -> channels are open: linkOpen
//	anything fails, or the far end closes: linkLost, once
type link struct {
	conf   linkConfig
	user   linkUser
	labels []string
	events func(any)    // takes linkOpen, linkLost, pathState; never blocks
	heard  chan<- heard // messages of the channels; the reader waits

	ufrag, password string
	fingerprints    []string // the far end's
	cancel          context.CancelFunc
	ctx             context.Context
	work            sync.WaitGroup // everything below run
	done            chan struct{}  // closed when run has returned

	v4, v6    *path
	agent     iceAgent
	records   *pipe.Conn // DTLS
	selected  chan struct{}
	once      sync.Once // closes selected
	remote    atomic.Pointer[netip.AddrPort]
	known     atomic.Pointer[[]netip.AddrPort] // confirmed by checks, the newest last
	strangers atomic.Uint64                    // datagrams of others
	forged    atomic.Uint64                    // packets with a wrong tag

	in        sync.Mutex // guards what follows; held while the user takes a packet
	keysIn    *srtp.Context
	headerIn  prtp.Header
	keysOut   atomic.Pointer[srtp.Context]
	headerOut prtp.Header // the sender's

	more chan []string // labels of channels that are to be opened later

	mu       sync.Mutex // guards what follows
	channels map[string]*datachannel.DataChannel
	requests map[string]int64 // the last ID by channel
}

// linkConfig is what all links of a connector share.
type linkConfig struct {
	bind4, bind6     netip.Addr // an invalid one is not used
	portMin, portMax int
	timeout          time.Duration // from the answer until SCTP is up
	certificate      tls.Certificate
	fingerprint      string
	trace            trace
}

// linkUser takes the packets of a link, without encryption. They are lent.
type linkUser interface {
	receive(packet []byte, now time.Time)
	control(packet []byte, now time.Time)
}

// path is one socket.
type path struct {
	conn *net.UDPConn
	ip   netip.Addr                // of ours, as the far end sees it without a NAT
	stun atomic.Pointer[pipe.Conn] // the ICE agent's end
}

// Events of a link.
type (
	linkOpen struct{ link *link }
	linkMore struct{ link *link } // more channels are open
	linkLost struct {
		link *link
		err  error
	}
	pathState struct {
		link  *link
		state pathCondition
	}
	heard struct {
		link  *link
		label string
		text  []byte
	}
)

const (
	linkTimeout = 15 * time.Second // from the answer until the channels are open
	maxBuffered = 1 << 20          // octets that the far end has not acknowledged on one channel
)

func newLink(conf linkConfig, user linkUser, labels []string, events func(any), to chan<- heard) *link {
	l := &link{
		conf: conf, user: user, labels: labels, events: events, heard: to, done: make(chan struct{}), selected: make(chan struct{}),
		more:     make(chan []string, 1),
		channels: map[string]*datachannel.DataChannel{}, requests: map[string]int64{},
	}
	l.ufrag, l.password = credentials()
	l.known.Store(new([]netip.AddrPort))
	return l
}

// credentials are ICE's: of 24 and 52 characters, 120 bits and more (RFC 8445 §5.3).
func credentials() (ufrag, password string) { return rand.Text()[:24], rand.Text() + rand.Text() }

// start begins with the far end's answer. Close it when it is not needed any more,
// started or not.
func (l *link) start(ctx context.Context, a *answer) {
	l.ctx, l.cancel = context.WithCancel(ctx)
	l.fingerprints = a.fingerprints
	l.records = pipe.New(&net.UDPAddr{IP: net.IPv4zero}, func(b []byte, _ netip.AddrPort) { l.transmit(b) })
	go l.run(a)
}

// close ends the link and waits for all of it.
func (l *link) close() {
	if l.cancel == nil {
		return
	}
	l.cancel()
	<-l.done
}

// run is the link's life.
func (l *link) run(a *answer) {
	defer close(l.done)
	err := l.open(a)
	var secure *dtls.Conn
	var assoc *sctp.Association
	if err == nil {
		secure, assoc, err = l.connect()
	}
	if err == nil {
		err = l.serve(assoc)
	}
	if err != nil && l.ctx.Err() == nil {
		l.events(linkLost{l, err})
	}
	l.cancel()
	if assoc != nil {
		_ = assoc.Close()
	}
	if secure != nil {
		_ = secure.Close() // sends close_notify
	}
	l.shut()
	l.work.Wait()
}

// open opens the sockets the answer's addresses need, and begins the checks.
func (l *link) open(a *answer) error {
	for _, c := range a.candidates {
		var err error
		switch is4 := c.addr.Addr().Is4(); {
		case is4 && l.v4 == nil && l.conf.bind4.IsValid():
			l.v4, err = l.newPath("udp4", l.conf.bind4, c.addr)
		case !is4 && l.v6 == nil && l.conf.bind6.IsValid():
			l.v6, err = l.newPath("udp6", l.conf.bind6, c.addr)
		}
		if err != nil {
			return err
		}
	}
	if l.v4 == nil && l.v6 == nil {
		return errors.New("the meeting service has no address of a family that the gateway uses")
	}
	return l.startICE(a)
}

func (l *link) newPath(network string, bind netip.Addr, toward netip.AddrPort) (*path, error) {
	c, err := listen(network, bind, l.conf.portMin, l.conf.portMax)
	if err != nil {
		return nil, err
	}
	p := &path{conn: c, ip: localIP(bind, toward)}
	l.work.Go(func() { l.read(p) })
	return p, nil
}

// connect makes DTLS and SCTP.
func (l *link) connect() (*dtls.Conn, *sctp.Association, error) {
	ctx, cancel := context.WithTimeout(l.ctx, l.conf.timeout)
	defer cancel()
	select {
	case <-l.selected:
	case <-ctx.Done():
		return nil, nil, errors.New("no address of the meeting service answered the connectivity checks")
	}
	secure, err := l.handshake(ctx)
	if err != nil {
		return secure, nil, fmt.Errorf("DTLS failed: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = secure.Close() })
	defer stop()
	assoc, err := sctp.ClientWithOptions(sctp.WithNetConn(secure), sctp.WithLoggerFactory(pipe.Quiet()),
		sctp.WithMaxMessageSize(maxMessage), sctp.WithMaxReceiveBufferSize(8*maxMessage))
	if err != nil {
		return secure, nil, fmt.Errorf("SCTP failed: %w", err)
	}
	return secure, assoc, nil
}

// serve opens the channels, and reads each from then on: a service that has ended the
// call already says so on the first, and closes. It returns when the far end has ended
// one that it must not, or the link is closed, and all that was said is passed on.
func (l *link) serve(assoc *sctp.Association) error {
	lost := make(chan string, 2) // the two that must not end
	var readers sync.WaitGroup
	opened := func(label string) {
		readers.Go(func() {
			l.listenTo(label)
			if label == chControl || label == chStats {
				lost <- label
			}
		})
	}
	err := l.openChannels(assoc, l.labels, opened)
	if err == nil {
		l.events(linkOpen{l})
	}
	for err == nil && l.ctx.Err() == nil {
		select {
		case label := <-lost:
			err = fmt.Errorf("the meeting service closed the channel %s", label)
		case labels := <-l.more:
			if err = l.openChannels(assoc, labels, opened); err == nil {
				l.events(linkMore{l})
			}
		case <-l.ctx.Done():
		}
	}
	_ = assoc.Close() // the readers end with what they have got
	readers.Wait()
	return err
}

// openMore opens channels besides those that are open; linkMore tells when they are. It
// may be called once.
func (l *link) openMore(labels []string) { l.more <- labels }

// openChannels opens channels one by one, and hands each over.
func (l *link) openChannels(assoc *sctp.Association, labels []string, opened func(label string)) error {
	for _, label := range labels {
		l.mu.Lock()
		n := len(l.channels)
		l.mu.Unlock()
		// A DTLS client has the even streams (RFC 8832 §6).
		dc, err := datachannel.Dial(assoc, uint16(2*n), &datachannel.Config{Label: label, ChannelType: datachannel.ChannelTypeReliable, LoggerFactory: pipe.Quiet()})
		if err != nil {
			return fmt.Errorf("open the channel %s: %w", label, err)
		}
		l.mu.Lock()
		l.channels[label] = dc
		l.mu.Unlock()
		opened(label)
	}
	return nil
}

// has reports whether a channel is open.
func (l *link) has(label string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.channels[label] != nil
}

// listenTo reads one channel until it ends.
func (l *link) listenTo(label string) {
	l.mu.Lock()
	dc := l.channels[label]
	l.mu.Unlock()
	buf := make([]byte, maxMessage+1)
	for {
		n, isText, err := dc.ReadDataChannel(buf)
		if err != nil {
			return
		}
		if n == 0 || !isText {
			continue
		}
		m := heard{l, label, slices.Clone(buf[:n])}
		select {
		case l.heard <- m: // the last words are heard although the link is closing
			continue
		default:
		}
		select {
		case l.heard <- m:
		case <-l.ctx.Done():
			return
		}
	}
}

// errChannel says that a request could not be sent.
var errChannel = errors.New("the data channel is not open, or the meeting service does not read it")

// request sends a request on a channel and returns its ID.
func (l *link) request(label string, r request) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	dc := l.channels[label]
	if dc == nil || dc.BufferedAmount() > maxBuffered {
		return 0, errChannel
	}
	l.requests[label]++
	r.ID = l.requests[label]
	text, err := r.text()
	if err != nil {
		return 0, fmt.Errorf("write a request: %w", err)
	}
	if len(text) > maxMessage {
		return 0, fmt.Errorf("a request of %d octets is too long", len(text))
	}
	if _, err := dc.WriteDataChannel(text, true); err != nil {
		return 0, fmt.Errorf("%w: %w", errChannel, err)
	}
	l.conf.trace.channel(true, label, text)
	return r.ID, nil
}

// shut closes what remains: ICE, then the sockets.
func (l *link) shut() {
	l.stopICE()
	_ = l.records.Close()
	for _, p := range []*path{l.v4, l.v6} {
		if p != nil {
			_ = p.conn.Close()
		}
	}
	l.keysOut.Store(nil)
}

// confirmed reports whether checks have shown that the far end is at an address.
func (l *link) confirmed(from netip.AddrPort) bool { return slices.Contains(*l.known.Load(), from) }

// String is the path, for the log.
func (l *link) String() string {
	to := l.remote.Load()
	if to == nil {
		return "not connected"
	}
	p := l.v6
	if to.Addr().Is4() {
		p = l.v4
	}
	port := p.conn.LocalAddr().(*net.UDPAddr).Port
	return fmt.Sprintf("%s <-> %s", netip.AddrPortFrom(p.ip, uint16(port)), to)
}
