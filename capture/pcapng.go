package capture

import (
	"bufio"
	"encoding/binary"
	"io"
	"net/netip"
	"time"
)

// Types and codes of pcapng (draft-ietf-opsawg-pcapng) that are used.
const (
	sectionHeader  = 0x0a0d0d0a
	interfaceBlock = 1
	packetBlock    = 6
	byteOrderMagic = 0x1a2b3c4d

	linkRaw = 101 // a packet begins with its IP header

	optEnd      = 0
	optComment  = 1
	optUserAppl = 4 // of the section
	optName     = 2 // of the interface
	optTSResol  = 9 // of the interface: 9 is nanoseconds
	optFlags    = 2 // of the packet: 1 in, 2 out
)

// frame is a packet to be written. Its payload may be cut: size is what it was.
type frame struct {
	at       time.Time
	out      bool
	from, to netip.AddrPort
	payload  []byte
	size     int
	comment  string
}

// A writer writes pcapng in little-endian order. The first error stays.
type writer struct {
	w    *bufio.Writer
	n    int64 // octets written
	most int64 // octets after which no packet is written any more
	err  error
	body []byte
}

func newWriter(to io.Writer, by string) *writer {
	w := &writer{w: bufio.NewWriter(to)}
	b := le32(nil, byteOrderMagic)
	b = append(b, 1, 0, 0, 0)                                     // version 1.0
	b = append(b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff) // the section's length is not known
	w.block(sectionHeader, le32(option(b, optUserAppl, []byte(by)), optEnd))
	b = append(le16(nil, linkRaw), 0, 0, 0, 0, 0, 0) // no limit to a packet's length
	b = option(b, optName, []byte("tandem"))
	b = option(b, optTSResol, []byte{9})
	w.block(interfaceBlock, le32(b, optEnd))
	return w
}

// packet writes a frame as a UDP datagram.
func (w *writer) packet(f frame) {
	data, size := datagram(f)
	at := uint64(f.at.UnixNano())
	b := le32(w.body[:0], 0) // the interface
	b = le32(le32(b, uint32(at>>32)), uint32(at))
	b = le32(le32(b, uint32(len(data))), uint32(size))
	b = pad(append(b, data...))
	way := uint32(1)
	if f.out {
		way = 2
	}
	b = option(b, optFlags, le32(nil, way))
	if f.comment != "" {
		b = option(b, optComment, []byte(f.comment))
	}
	b = le32(b, optEnd)
	w.block(packetBlock, b)
	w.body = b
}

func (w *writer) block(kind uint32, body []byte) {
	if w.err != nil {
		return
	}
	size := uint32(len(body) + 12)
	head := le32(le32(nil, kind), size)
	for _, part := range [][]byte{head, body, le32(nil, size)} {
		if _, w.err = w.w.Write(part); w.err != nil {
			return
		}
	}
	w.n += int64(size)
}

func (w *writer) flush() error {
	if w.err == nil {
		w.err = w.w.Flush()
	}
	return w.err
}

func option(b []byte, code uint16, value []byte) []byte {
	value = value[:min(len(value), 1<<15)]
	b = le16(le16(b, code), uint16(len(value)))
	return pad(append(b, value...))
}

func pad(b []byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func le16(b []byte, v uint16) []byte { return binary.LittleEndian.AppendUint16(b, v) }
func le32(b []byte, v uint32) []byte { return binary.LittleEndian.AppendUint32(b, v) }

// maxIP is what the length field of an IP packet can say.
const maxIP = 65535

// datagram puts the payload into UDP and IP, and tells the size before it was cut.
func datagram(f frame) (data []byte, size int) {
	from, to := f.from.Addr().Unmap(), f.to.Addr().Unmap()
	head := 28
	if !from.Is4() || !to.Is4() {
		head = 48
	}
	size = min(f.size+head, maxIP)
	udp := uint16(size - head + 8)
	if head == 28 {
		data = ipv4(from, to, uint16(size))
	} else {
		data = ipv6(from, to, udp)
	}
	data = be16(be16(be16(data, f.from.Port()), f.to.Port()), udp)
	data = be16(data, 0) // its sum: not computed
	return append(data, f.payload[:min(len(f.payload), size-head)]...), size
}

func ipv4(from, to netip.Addr, size uint16) []byte {
	b := be16([]byte{0x45, 0}, size)
	b = append(b, 0, 0, 0x40, 0, 64, 17, 0, 0) // not fragmented; UDP
	b = append(append(b, from.AsSlice()...), to.AsSlice()...)
	var sum uint32 // RFC 1071
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	sum = sum&0xffff + sum>>16
	sum = sum&0xffff + sum>>16
	binary.BigEndian.PutUint16(b[10:], ^uint16(sum))
	return b
}

func ipv6(from, to netip.Addr, udp uint16) []byte {
	b := be16([]byte{0x60, 0, 0, 0}, udp)
	b = append(b, 17, 64)
	f, t := from.As16(), to.As16()
	return append(append(b, f[:]...), t[:]...)
}

func be16(b []byte, v uint16) []byte { return binary.BigEndian.AppendUint16(b, v) }
