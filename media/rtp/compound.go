package rtp

import (
	"encoding/binary"
	"errors"
)

// What Compound.Parse finds wrong.
var (
	ErrControlShort   = errors.New("rtcp: a packet is longer than the datagram")
	ErrControlVersion = errors.New("rtcp: a packet's version is not 2")
	ErrControlPadding = errors.New("rtcp: the padding is longer than its packet")
	ErrControlCount   = errors.New("rtcp: a packet is too short for the reports it announces")
)

// Compound is what one RTCP datagram says, as far as a voice stream needs it.
// Reuse it: once its Reports have grown, parsing does not allocate.
type Compound struct {
	SSRC      uint32 // who sent it
	HasSender bool
	Sender    SenderInfo
	Reports   []ReportBlock // at most 31 are kept
	CNAME     []byte        // lent from the datagram; nil without
	Bye       bool
	Reason    []byte // of the BYE; lent; nil without
	Keyframe  bool   // the far end asks for a picture: PLI (RFC 4585 §6.3.1) or FIR (RFC 5104 §4.3.1)
}

// Parse reads a datagram. Reduced-size RTCP (RFC 5506) is accepted, packets of
// unknown types are passed over. After an error the contents mean nothing.
func (c *Compound) Parse(b []byte) error {
	*c = Compound{Reports: c.Reports[:0]}
	if len(b) < 4 {
		return ErrControlShort
	}
	for rest := b; len(rest) > 0; {
		packet, after, err := cut(rest)
		if err != nil {
			return err
		}
		body, err := unpad(packet[0], packet[4:])
		if err != nil {
			return err
		}
		if len(rest) == len(b) && len(body) >= 4 {
			c.SSRC = binary.BigEndian.Uint32(body)
		}
		if err := c.parseOne(int(packet[0]&0x1f), packet[1], body); err != nil {
			return err
		}
		rest = after
	}
	return nil
}

// cut takes the first packet off a datagram.
func cut(b []byte) (packet, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, ErrControlShort
	}
	if b[0]>>6 != 2 {
		return nil, nil, ErrControlVersion
	}
	size := 4 + 4*int(binary.BigEndian.Uint16(b[2:]))
	if size > len(b) {
		return nil, nil, ErrControlShort
	}
	return b[:size], b[size:], nil
}

// unpad takes the padding off a packet's body, when its first octet announces some.
func unpad(first byte, body []byte) ([]byte, error) {
	if first&0x20 == 0 {
		return body, nil
	}
	if len(body) == 0 {
		return nil, ErrControlPadding
	}
	pad := int(body[len(body)-1])
	if pad == 0 || pad > len(body) {
		return nil, ErrControlPadding
	}
	return body[:len(body)-pad], nil
}

func (c *Compound) parseOne(count int, kind byte, body []byte) error {
	switch kind {
	case typeSenderReport:
		return c.parseSenderReport(count, body)
	case typeReceiverReport:
		if len(body) < 4 {
			return ErrControlCount
		}
		return c.parseBlocks(count, body[4:])
	case typeDescription:
		if count > 0 {
			c.parseDescription(body)
		}
	case typeBye:
		return c.parseBye(count, body)
	case typePayload:
		const pictureLoss, fullIntra = 1, 4 // count is the format here
		c.Keyframe = c.Keyframe || count == pictureLoss || count == fullIntra
	}
	return nil
}

func (c *Compound) parseSenderReport(count int, body []byte) error {
	if len(body) < 4+senderInfoSize {
		return ErrControlCount
	}
	c.HasSender = true
	c.Sender = SenderInfo{
		SSRC:    binary.BigEndian.Uint32(body),
		NTP:     binary.BigEndian.Uint64(body[4:]),
		RTP:     binary.BigEndian.Uint32(body[12:]),
		Packets: binary.BigEndian.Uint32(body[16:]),
		Octets:  binary.BigEndian.Uint32(body[20:]),
	}
	return c.parseBlocks(count, body[4+senderInfoSize:])
}

func (c *Compound) parseBlocks(count int, b []byte) error {
	if len(b) < count*blockSize {
		return ErrControlCount
	}
	for ; count > 0 && len(c.Reports) < maxBlocks; count-- {
		lost := binary.BigEndian.Uint32(b[4:])
		c.Reports = append(c.Reports, ReportBlock{
			SSRC:      binary.BigEndian.Uint32(b),
			Fraction:  uint8(lost >> 24),
			Lost:      int32(lost<<8) >> 8,
			Highest:   binary.BigEndian.Uint32(b[8:]),
			Jitter:    binary.BigEndian.Uint32(b[12:]),
			LastSR:    binary.BigEndian.Uint32(b[16:]),
			SinceLast: binary.BigEndian.Uint32(b[20:]),
		})
		b = b[blockSize:]
	}
	return nil
}

// parseDescription looks for the CNAME of the first chunk. A broken one is only
// without a name: nothing depends on it.
func (c *Compound) parseDescription(b []byte) {
	if len(b) < 4 {
		return
	}
	for b = b[4:]; len(b) >= 2 && b[0] != 0; {
		end := 2 + int(b[1])
		if end > len(b) {
			return
		}
		if b[0] == itemCNAME {
			c.CNAME = b[2:end:end]
			return
		}
		b = b[end:]
	}
}

func (c *Compound) parseBye(count int, b []byte) error {
	if len(b) < 4*count {
		return ErrControlCount
	}
	c.Bye = count > 0
	b = b[4*count:]
	if len(b) > 0 && 1+int(b[0]) <= len(b) {
		c.Reason = b[1 : 1+int(b[0])]
	}
	return nil
}
