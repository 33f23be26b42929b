package sdp

import (
	"slices"
	"strconv"
	"strings"

	"tandem/media"
)

// Offer makes our offer, the first or a later one. A later one (caps.Last is set)
// keeps every m-line in its place, the codecs in force and their payload types, so
// that a session refresh or a change of direction alone changes nothing else; its
// o= version rises exactly when the content differs from caps.Last.
func Offer(caps Capabilities, tr Transport) *Description {
	d := caps.describe(tr)
	var bundle []string
	lite := false
	add := func(o offered, tr Transport) {
		d.Media = append(d.Media, o.write(tr))
		if o.bundle {
			bundle = append(bundle, o.mid)
		}
		lite = lite || o.ice && caps.ICE == ICELite
	}
	if caps.Last == nil {
		for _, k := range caps.wanted(tr) {
			o := caps.firstOffer(k)
			if o.bundle {
				o.mid = strconv.Itoa(len(d.Media))
			}
			own := tr.carrying(k, o.bundle)
			own.Crypto = caps.few(own.Crypto)
			add(o, own)
		}
		d.offerFloor(tr, caps.wanted(tr))
		d.labelScreen()
		d.sessionAttributes(bundle, lite)
		return d
	}
	slots := caps.slots(tr)
	for i := range caps.Last.Media {
		last := section{caps.Last, &caps.Last.Media[i]}
		k, ok := slots[i]
		if over, floor := last.m.floorControl(); floor && len(caps.Content) > 0 && tr.floorPort(over) == last.m.Port {
			d.Media = append(d.Media, last.m.againFloor())
			continue
		}
		if !ok {
			d.Media = append(d.Media, last.reject())
			continue
		}
		own := tr.carrying(k, k != media.Audio && last.bundled(last.mid()))
		o := caps.nextOffer(k, last, &own)
		add(o, own)
	}
	for i := len(caps.Last.Media); i < len(caps.Last.Media)+len(slots); i++ {
		k, ok := slots[i]
		if !ok {
			break
		}
		o := caps.firstOffer(k)
		o.mid, o.bundle = strconv.Itoa(i), false
		own := tr.carrying(k, false)
		own.Crypto = caps.few(own.Crypto)
		add(o, own)
	}
	d.labelScreen()
	d.sessionAttributes(bundle, lite)
	d.follow(caps.Last)
	return d
}

// wanted are the kinds of stream that a first offer has.
func (caps Capabilities) wanted(tr Transport) []media.Kind {
	list := []media.Kind{media.Audio}
	for _, k := range []media.Kind{media.Video, media.Content} {
		if len(caps.codecs(k)) > 0 && (tr.of(k) != nil || caps.bundles()) {
			list = append(list, k)
		}
	}
	return list
}

// bundles says that our offers have one transport for all streams: the shape of a
// browser's descriptions; a desk phone never needs it.
func (caps Capabilities) bundles() bool { return caps.ICE != ICENone && caps.Mux != MuxOff }

// carrying is the transport of a stream.
func (tr Transport) carrying(k media.Kind, bundled bool) Transport {
	if own := tr.of(k); own != nil && !bundled {
		return *own
	}
	return tr
}

// slots are the m-lines of our last description that carry a stream: the one in use,
// else an ended one (RFC 3264 §8.1), else a new one behind them. Video that was refused
// comes back only when everything is offered again.
func (caps Capabilities) slots(tr Transport) map[int]media.Kind {
	kinds := caps.Last.kinds()
	slots := map[int]media.Kind{}
	next := len(caps.Last.Media)
	for _, k := range caps.wanted(tr) {
		i := -1
		for n := len(kinds) - 1; n >= 0; n-- {
			if kinds[n] != (lineKind{k, true}) {
				continue
			}
			if i < 0 || caps.Last.Media[n].Port != 0 || caps.Last.Media[i].Port == 0 {
				i = n
			}
		}
		refused := i < 0 || caps.Last.Media[i].Port == 0
		switch {
		case refused && k != media.Audio && !caps.Full:
		case i < 0:
			slots[next] = k
			next++
		default:
			slots[i] = k
		}
	}
	return slots
}

// offered is what an m-line of an offer is written from.
type offered struct {
	caps             Capabilities
	kind             media.Kind
	codecs           []Codec
	events           []media.Event
	profile, ptime   string
	mid              string
	mux, ice, bundle bool
	dtls, sdes       bool
}

func (caps Capabilities) firstOffer(k media.Kind) offered {
	o := offered{
		caps: caps, kind: k, codecs: caps.codecs(k), profile: "RTP/AVP", ptime: milliseconds(caps.ptime()),
		mux: caps.Mux != MuxOff, ice: caps.ICE != ICENone,
		dtls: caps.Security == DTLS || caps.Security == Opportunistic,
		sdes: caps.Security == SDES || caps.Security == Opportunistic,
	}
	if k == media.Audio {
		o.events = caps.Events
	}
	switch caps.Security {
	case SDES:
		o.profile = "RTP/SAVP"
	case DTLS:
		o.profile = "UDP/TLS/RTP/SAVPF"
		if caps.NoFeedback {
			o.profile = "UDP/TLS/RTP/SAVP"
		}
	}
	o.bundle = caps.bundles()
	return o
}

// nextOffer repeats the stream as our last description had it.
func (caps Capabilities) nextOffer(k media.Kind, last section, tr *Transport) offered {
	o := caps.firstOffer(k)
	o.mid = last.mid()
	o.bundle = last.bundled(o.mid)
	o.profile = last.m.Profile
	known := caps.knownFormats(k, last)
	fresh := caps.Full || last.m.Port == 0
	o.codecs, o.events = caps.renumber(k, known, last.m.formats(), fresh)
	if fresh {
		tr.Crypto = caps.few(tr.Crypto)
		return o
	}
	if v, ok := last.m.Attribute("ptime"); ok {
		o.ptime = v
	}
	_, mux := last.m.Attribute("rtcp-mux")
	_, ice := last.m.Attribute("ice-ufrag")
	_, dtls := last.m.Attribute("fingerprint")
	_, sdes := last.m.Attribute("crypto")
	o.mux, o.ice, o.dtls, o.sdes = mux || caps.Mux == MuxRequire, o.ice && ice, o.dtls && dtls, o.sdes && sdes
	if o.sdes {
		tr.Crypto = keep(tr.Crypto, last.cryptos())
	}
	return o
}

// few are the keys that a first offer shows: for the suite that every telephone has
// (RFC 4568 §6.2.1) and, where no DTLS stands beside them, the cheapest one. A line
// for each suite would push an INVITE over UDP past the 1,300 bytes of RFC 3261
// §18.1.1. The other suites are taken when they are offered to us.
func (caps Capabilities) few(ours []Crypto) []Crypto {
	var list []Crypto
	for _, c := range ours {
		if c.Suite == AES128CMSHA1_80 || c.Suite == AES128GCM && caps.Security == SDES {
			list = append(list, c)
		}
	}
	return list
}

// keep are our keys for the suites in force, under their tags.
func keep(ours, inForce []Crypto) []Crypto {
	var list []Crypto
	for _, f := range inForce {
		for _, c := range ours {
			if c.Suite == f.Suite {
				list = append(list, Crypto{f.Tag, c.Suite, c.Key})
				break
			}
		}
	}
	return list
}

// knownFormats are all payload types this session has given a meaning to, by us or
// by the far end: they must keep it (RFC 3264 §8.3.2).
func (caps Capabilities) knownFormats(k media.Kind, last section) []format {
	known := last.m.formats()
	if caps.Remote == nil {
		return known
	}
	for i, their := range caps.Remote.kinds() {
		if their == (lineKind{k, true}) {
			known = append(known, caps.Remote.Media[i].formats()...)
		}
	}
	return known
}

// renumber lists codecs and events for a re-offer, those in force first and in
// their order; the rest of our abilities only when all is set.
func (caps Capabilities) renumber(k media.Kind, known, inForce []format, all bool) (codecs []Codec, events []media.Event) {
	n, ours := numbers{known: known}, caps.codecs(k)
	add := func(c Codec) {
		if !slices.ContainsFunc(codecs, func(have Codec) bool { return same(have, c) }) {
			c.PayloadType = n.of(c)
			codecs = append(codecs, c)
		}
	}
	for _, f := range inForce {
		if i := slices.IndexFunc(ours, func(c Codec) bool { return same(c, f.Codec) }); i >= 0 {
			add(ours[i])
		}
	}
	if all || len(codecs) == 0 {
		for _, c := range ours {
			add(c)
		}
	}
	if k != media.Audio {
		return codecs, nil
	}
	for _, e := range caps.Events {
		c := Codec{Name: telephoneEvent, Clock: e.Clock, PayloadType: e.PayloadType}
		if all || slices.ContainsFunc(inForce, func(f format) bool { return same(f.Codec, c) }) {
			events = append(events, media.Event{PayloadType: n.of(c), Clock: e.Clock})
		}
	}
	return codecs, events
}

// numbers gives out payload types without changing the meaning of a known one.
type numbers struct {
	known []format
}

func (n *numbers) of(c Codec) uint8 {
	for _, f := range n.known {
		if same(f.Codec, c) {
			return f.PayloadType
		}
	}
	pt := c.PayloadType
	for next := uint8(96); n.taken(pt) && next < 128; next++ {
		pt = next
	}
	n.known = append(n.known, format{Codec: Codec{Name: c.Name, Clock: c.Clock, Channels: c.Channels, PayloadType: pt, FMTP: c.FMTP}})
	return pt
}

func (n *numbers) taken(pt uint8) bool {
	return slices.ContainsFunc(n.known, func(f format) bool { return f.PayloadType == pt })
}

// write makes the m-line.
func (o offered) write(tr Transport) Media {
	m := Media{Kind: "audio", Port: tr.Port, Profile: o.profile}
	if o.kind != media.Audio {
		m.Kind = "video"
	}
	for _, c := range o.codecs {
		m.addFormat(c.PayloadType, c.encoding(), c.FMTP)
	}
	for _, e := range o.events {
		m.addFormat(e.PayloadType, strings.ToLower(telephoneEvent)+"/"+strconv.Itoa(e.Clock), events)
	}
	if o.kind == media.Audio {
		m.add("ptime", o.ptime)
	} else {
		o.writeVideo(&m)
	}
	m.add(o.caps.Direction.String(), "")
	if o.mid != "" {
		m.add("mid", o.mid)
	}
	if port := o.caps.rtcpPort(tr); port != tr.Port+1 {
		m.add("rtcp", strconv.Itoa(int(port)))
	}
	if o.mux {
		m.add("rtcp-mux", "")
	}
	if o.ice && tr.Ufrag != "" {
		m.addICE(tr)
	}
	if o.dtls && len(tr.Fingerprints) > 0 {
		m.addDTLS(tr, roleActpass)
	}
	if o.sdes {
		o.addKeys(&m, tr)
	}
	return m
}

func (o offered) addKeys(m *Media, tr Transport) {
	for i, c := range tr.Crypto {
		if c.Tag == 0 {
			c.Tag = i + 1
		}
		m.add("crypto", c.value())
	}
}
