package sipua

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"tandem/sip"
	"tandem/sip/flow"
)

// A registrar holds who is registered from where (RFC 3261 §10). It does no I/O,
// and time is an argument.
type registrar struct {
	mu      sync.Mutex             // guards what follows
	lines   map[string][]*contact  // by device, oldest registration first
	tokens  map[string]*contact    // by Token, where it has one
	sources map[netip.AddrPort]int // contacts by where they came from: by address and port, and by address with port 0
	total   int
}

// A contact is one registered address of a device. What Binding holds and the
// paths never change; a new REGISTER makes a new contact.
type contact struct {
	flow.Link // tells us when the connection dies
	Binding
	addr   sip.Address
	source *flow.Flow // the REGISTER came on it
	path   *flow.Flow // requests go on it: source, or where the Contact says
	// connect makes the connection of a contact on another machine, which has no
	// source and path; nil for our own.
	connect func(context.Context) (*flow.Flow, error)
	dead    func(*contact)

	// Guarded by the registrar until it is known there, and never changed then.
	since  time.Time // the first REGISTER
	goesOn bool      // it was there before this REGISTER

	// Guarded by the registrar.
	kept    time.Time // until when the store has it
	stored  bool      // it has it since before this REGISTER
	seq     uint32    // of our OPTIONS
	due     time.Time
	waiting bool // an OPTIONS is unanswered
	heard   bool // one was answered
	missed  int  // in a row
}

// FlowEnded implements flow.Watcher.
func (k *contact) FlowEnded(cause error) {
	if !errors.Is(cause, flow.ErrClosed) { // the gateway stops: what is registered stays in the store
		k.dead(k)
	}
}

// A change is what a REGISTER asks for.
type change struct {
	callID string
	cseq   uint32
	all    bool // Contact: *
	set    []*contact
	remove []string // keys
}

// apply carries out a REGISTER, all of it or nothing. ok is false when it comes
// out of order (RFC 3261 §10.3 step 7). Over the limit the oldest contact gives
// way: it is the one that most likely is dead.
func (r *registrar) apply(device string, ch change, limit int, now time.Time) (gone []*contact, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	had := r.lines[device]
	for _, k := range had {
		if k.CallID == ch.callID && k.CSeq >= ch.cseq && ch.touches(k.Key) && now.Before(k.Expires) {
			return nil, false
		}
	}
	var stay []*contact
	for _, k := range had {
		if ch.touches(k.Key) || !now.Before(k.Expires) {
			gone = append(gone, k)
			continue
		}
		stay = append(stay, k)
	}
	stay = append(stay, ch.set...)
	if extra := len(stay) - limit; extra > 0 {
		gone = append(gone, stay[:extra]...)
		stay = slices.Clone(stay[extra:])
	}
	for _, k := range ch.set {
		r.countLocked(k, 1)
		r.nameLocked(k)
		k.keep(gone)
		k.lasts(gone)
	}
	r.dropLocked(device, stay, gone)
	return gone, true
}

// keep decides until when the store has the contact: for as long as it has the one
// that it replaces, if that is long enough and nothing else has changed.
func (k *contact) keep(gone []*contact) {
	if !k.kept.IsZero() {
		return // it comes from the store
	}
	for _, old := range gone {
		if old.Key == k.Key && old.same(k) && !old.kept.Before(k.Expires) && !old.kept.After(k.Expires.Add(saveSlack)) {
			k.kept, k.stored = old.kept, true
			return
		}
	}
	k.kept = k.Expires.Add(saveSlack)
}

// same reports whether two registrations differ in nothing but in when they were made.
func (k *contact) same(as *contact) bool {
	a, b := k.Binding, as.Binding
	return a.Contact == b.Contact && a.Network == b.Network && a.Remote == b.Remote && a.Local == b.Local &&
		a.Agent == b.Agent && slices.Equal(a.Path, b.Path)
}

func (ch *change) touches(key string) bool {
	return ch.all || slices.Contains(ch.remove, key) || hasKey(ch.set, key)
}

// dropLocked makes stay the device's contacts; gone are counted out.
func (r *registrar) dropLocked(device string, stay, gone []*contact) {
	for _, k := range gone {
		r.countLocked(k, -1)
		if r.tokens[k.Token] == k {
			delete(r.tokens, k.Token)
		}
	}
	if r.lines == nil {
		r.lines = make(map[string][]*contact)
	}
	if len(stay) == 0 {
		delete(r.lines, device)
		return
	}
	r.lines[device] = stay
}

// nameLocked makes the contact known by its token.
func (r *registrar) nameLocked(k *contact) {
	if k.Token == "" {
		return
	}
	if r.tokens == nil {
		r.tokens = make(map[string]*contact)
	}
	r.tokens[k.Token] = k
}

// byToken returns the contact with the token; nil when there is none.
func (r *registrar) byToken(token string) *contact {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tokens[token]
}

// token returns the one that a contact has, for the registration that follows it: a
// call finds its phone by it.
func (r *registrar) token(device, key string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.lines[device] {
		if k.Key == key {
			return k.Token
		}
	}
	return ""
}

func (r *registrar) countLocked(k *contact, n int) {
	if r.sources == nil {
		r.sources = make(map[netip.AddrPort]int)
	}
	r.total += n
	if k.source == nil {
		return
	}
	from := k.source.Remote()
	for _, key := range [2]netip.AddrPort{from, netip.AddrPortFrom(from.Addr(), 0)} {
		if r.sources[key] += n; r.sources[key] <= 0 {
			delete(r.sources, key)
		}
	}
}

// remove takes one contact out; false when it is not there any more.
func (r *registrar) remove(k *contact) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.removeLocked(k)
}

func (r *registrar) removeLocked(k *contact) bool {
	had := r.lines[k.Device]
	i := slices.Index(had, k)
	if i < 0 {
		return false
	}
	r.dropLocked(k.Device, slices.Delete(slices.Clone(had), i, i+1), []*contact{k})
	return true
}

// removeDevice takes out all contacts of a device.
func (r *registrar) removeDevice(device string) []*contact {
	r.mu.Lock()
	defer r.mu.Unlock()
	gone := r.lines[device]
	r.dropLocked(device, nil, gone)
	return gone
}

// contacts returns the live contacts of a device.
func (r *registrar) contacts(device string, now time.Time) []*contact {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []*contact
	for _, k := range r.lines[device] {
		if now.Before(k.Expires) && (k.path == nil || k.path.Err() == nil) {
			out = append(out, k)
		}
	}
	return out
}

// on reports whether device has registered over the connection f.
func (r *registrar) on(f *flow.Flow, device string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.lines[device], func(k *contact) bool { return k.source == f })
}

// known reports whether a device is registered from that address.
func (r *registrar) known(addr netip.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sources[netip.AddrPortFrom(addr, 0)] > 0
}

// from reports whether a device is registered from that address and port.
func (r *registrar) from(a netip.AddrPort) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sources[a] > 0
}

func (r *registrar) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.total
}

// missedLimit is how many OPTIONS in a row a contact that answered before may
// leave unanswered.
const missedLimit = 3

// tick takes out what has expired or fallen silent, and returns the contacts that
// are to be asked now.
func (r *registrar) tick(now time.Time, every time.Duration) (ask, gone []*contact) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for device, had := range r.lines {
		var stay, out []*contact
		for _, k := range had {
			if !now.Before(k.Expires) || k.heard && k.missed >= missedLimit {
				out = append(out, k)
				continue
			}
			stay = append(stay, k)
			if !k.waiting && !now.Before(k.due) {
				k.due, k.waiting, k.seq = now.Add(every), true, k.seq+1
				ask = append(ask, k)
			}
		}
		if len(out) > 0 {
			r.dropLocked(device, stay, out)
			gone = append(gone, out...)
		}
	}
	return ask, gone
}

// answered notes what became of an OPTIONS.
func (r *registrar) answered(k *contact, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k.waiting = false
	if ok {
		k.heard, k.missed = true, 0
		return
	}
	k.missed++
}
