package transaction

import (
	"fmt"
	"hash/maphash"
	"net/netip"
	"strings"
	"sync"

	"tandem/sip"
	"tandem/sip/flow"
)

// cookie begins every branch of RFC 3261 (§8.1.1.7).
const cookie = "z9hG4bK"

// shardCount spreads the transactions over as many locks.
const shardCount = 32

// serverKey is what a retransmission has in common with its request: what RFC
// 3261 §17.2.3 names, and because not every sender makes its branches unique, and
// nobody else shall reach a transaction by guessing one, also the Call-ID, the
// CSeq number, the network and the source address. The port is left out: some
// phones send each request from another. ACK looks for INVITE.
type serverKey struct {
	branch, host string
	port         int
	method       string
	callID       string
	seq          uint32
	network      string
	from         netip.Addr
}

// clientKey is what a response has in common with its request (§17.1.3).
type clientKey struct{ branch, method string }

// mergeKey is what copies of one request that came by several ways have in
// common (§8.2.2.2).
type mergeKey struct {
	callID, fromTag string
	seq             uint32
	method          string
}

// identity is all that matching needs of a message.
type identity struct {
	key   serverKey
	cseq  sip.CSeq
	merge mergeKey // only of a request outside a dialog
}

// identify reads the identity of a request. It fails for what Check would refuse.
func identify(f *flow.Flow, m *sip.Message) (id identity, ok bool) {
	via, err := m.Via()
	if err != nil {
		return id, false
	}
	if id.cseq, err = m.CSeq(); err != nil {
		return id, false
	}
	id.key = serverKey{
		branch: via.Branch(), host: via.Host, port: via.Port, method: m.Method,
		callID: m.CallID(), seq: id.cseq.Seq, network: f.Network(), from: f.Remote().Addr(),
	}
	if !strings.HasPrefix(id.key.branch, cookie) {
		id.key.branch = oldBranch(m, id.cseq)
	}
	return id, true
}

// addMerge completes the identity of a request that starts a transaction.
func (id *identity) addMerge(m *sip.Message) {
	to, err := m.To()
	if err != nil || to.Tag() != "" {
		return
	}
	from, err := m.From()
	if err != nil || from.Tag() == "" {
		return
	}
	id.merge = mergeKey{m.CallID(), from.Tag(), id.cseq.Seq, m.Method}
}

// oldBranch stands for the branch that a sender of RFC 2543 does not make unique
// (RFC 3261 §17.2.3). The To tag is left out: an ACK has one, its INVITE has none.
func oldBranch(m *sip.Message, cseq sip.CSeq) string {
	from, _ := m.From()
	return fmt.Sprintf("%s\n%s\n%d\n%s\n%s", m.CallID(), from.Tag(), cseq.Seq, m.URI, m.Get("Via"))
}

// clone makes the identity's strings independent of the message they point into,
// in one allocation, so that a finished transaction does not keep the message.
func (id *identity) clone() {
	k, m := &id.key, &id.merge
	all := k.branch + k.host + k.callID + m.fromTag
	for _, s := range []*string{&k.branch, &k.host, &k.callID, &m.fromTag} {
		*s, all = all[:len(*s)], all[len(*s):]
	}
	if m.callID != "" {
		m.callID = k.callID
	}
	k.method = known(k.method)
	m.method = known(m.method)
	id.cseq.Method = known(id.cseq.Method)
}

// known returns a constant for a method of the RFCs.
func known(method string) string {
	for _, k := range [...]string{
		"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "PRACK",
		"UPDATE", "INFO", "REFER", "NOTIFY", "SUBSCRIBE", "MESSAGE", "PUBLISH",
	} {
		if k == method {
			return k
		}
	}
	return strings.Clone(method)
}

// A shard holds the transactions of a part of the branches, and the merge keys of
// a part of the Call-IDs.
type shard struct {
	mu      sync.Mutex // guards what follows
	servers table[serverKey, serverTx]
	clients table[clientKey, Client]
	merged  table[mergeKey, serverTx]
	_       [64]byte // own cache line
}

func (s *shard) all() (servers []*serverTx, clients []*Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, tx := range s.servers.m {
		servers = append(servers, tx)
	}
	for _, c := range s.clients.m {
		clients = append(clients, c)
	}
	return servers, clients
}

func (l *Layer) shard(s string) *shard {
	return &l.shards[maphash.String(l.seed, s)%shardCount]
}

func (l *Layer) server(k serverKey) *serverTx {
	s := l.shard(k.branch)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.servers.get(k)
}

func (l *Layer) client(k clientKey) *Client {
	s := l.shard(k.branch)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clients.get(k)
}

// enter makes tx known. It reports false if one of that key exists.
func (l *Layer) enter(tx *serverTx) bool {
	s := l.shard(tx.id.key.branch)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.servers.add(tx.id.key, tx) {
		return false
	}
	l.live.Add(1)
	return true
}

func (l *Layer) leave(tx *serverTx) {
	s := l.shard(tx.id.key.branch)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.servers.remove(tx.id.key, tx) {
		l.live.Add(-1)
	}
}

// merge claims tx's merge key. It reports false if an ongoing transaction has it.
func (l *Layer) merge(tx *serverTx) bool {
	k := tx.id.merge
	if k.callID == "" {
		return true
	}
	s := l.shard(k.callID)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.merged.add(k, tx)
}

func (l *Layer) unmerge(tx *serverTx) {
	k := tx.id.merge
	if k.callID == "" {
		return
	}
	s := l.shard(k.callID)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.merged.remove(k, tx)
}

func (l *Layer) enterClient(c *Client) bool {
	s := l.shard(c.key.branch)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.clients.add(c.key, c) {
		return false
	}
	l.live.Add(1)
	l.liveClients.Add(1)
	return true
}

func (l *Layer) leaveClient(c *Client) {
	s := l.shard(c.key.branch)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clients.remove(c.key, c) {
		l.live.Add(-1)
		l.liveClients.Add(-1)
	}
}

// strangers counts the unfinished server transactions of sources that nobody
// trusts.
type strangers struct {
	max int
	mu  sync.Mutex // guards of
	of  map[netip.Addr]int
}

func (s *strangers) init(limit int) { s.max, s.of = limit, make(map[netip.Addr]int) }

func (s *strangers) take(a netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of[a] >= s.max {
		return false
	}
	s.of[a]++
	return true
}

func (s *strangers) free(a netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of[a]--; s.of[a] <= 0 {
		delete(s.of, a)
	}
}
