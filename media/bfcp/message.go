// Package bfcp is floor control (RFC 8855): who of a conference may share a screen. It
// has the messages and a floor control server of one floor and one participant, which is
// what a video room's call needs. It has no socket and no clock. Start reading at
// [Server.Receive].
package bfcp

import (
	"encoding/binary"
	"errors"
)

// Primitive is the kind of a message (RFC 8855 §5.1).
type Primitive uint8

// The primitives.
const (
	FloorRequest Primitive = iota + 1
	FloorRelease
	FloorRequestQuery
	FloorRequestStatus
	UserQuery
	UserStatus
	FloorQuery
	FloorStatus
	ChairAction
	ChairActionAck
	Hello
	HelloAck
	Error
	FloorRequestStatusAck
	FloorStatusAck
	Goodbye
	GoodbyeAck
)

// Attribute types (RFC 8855 §5.2).
const (
	attrBeneficiary         = 1
	attrFloor               = 2
	attrRequest             = 3
	attrStatus              = 5
	attrErrorCode           = 6
	attrErrorInfo           = 7
	attrSupportedAttributes = 10
	attrSupportedPrimitives = 11
	attrName                = 12
	attrBeneficiaryInfo     = 14
	attrRequestInfo         = 15
	attrFloorRequestStatus  = 17
	attrOverallStatus       = 18
)

// Status is where a request for the floor stands (RFC 8855 §5.2.5).
type Status uint8

// The states.
const (
	Pending Status = iota + 1
	Accepted
	Granted
	Denied
	Cancelled
	Released
	Revoked
)

func (s Status) String() string {
	if s < Pending || s > Revoked {
		return "unknown"
	}
	return [...]string{"pending", "accepted", "granted", "denied", "cancelled", "released", "revoked"}[s-1]
}

// Error codes (RFC 8855 §5.2.6).
const (
	errConference   = 1
	errUser         = 2
	errPrimitive    = 3
	errMandatory    = 4
	errUnauthorized = 5
	errFloor        = 6
	errRequest      = 7
	errVersion      = 12
)

// Versions of the protocol: over a reliable transport and over UDP.
const (
	overTCP = 1
	overUDP = 2
)

const (
	headerSize = 12
	// MaxSize is the largest message that is read: more than any request of a
	// participant needs.
	MaxSize = 2048
)

// What is wrong with octets that are no message.
var (
	ErrShort    = errors.New("bfcp: the message is cut off")
	ErrLength   = errors.New("bfcp: a length does not fit the message")
	ErrFragment = errors.New("bfcp: a fragment of a message")
)

// Message is what a participant sends, or a server.
type Message struct {
	Version     uint8
	Response    bool // over UDP: it answers a transaction of the other side
	Primitive   Primitive
	Conference  uint32
	Transaction uint16
	User        uint16

	// Attributes that were there; 0 or false: not.
	Floor, Request, Beneficiary uint16
	HasFloor, HasRequest        bool
	Status                      Status // of the request, in a status message
	Name                        string // of who has the floor, in a FloorStatus
	ErrorCode                   uint8
	unknown                     []byte // mandatory attributes nobody here knows
}

// Size is the length of the message that begins with b, header included, and needs four
// octets: how a stream is cut into messages. It is 0 when b is shorter.
func Size(b []byte) int {
	if len(b) < 4 {
		return 0
	}
	return headerSize + 4*int(binary.BigEndian.Uint16(b[2:]))
}

// Parse reads one message, which is all of b.
func Parse(b []byte, m *Message) error {
	*m = Message{}
	if len(b) < headerSize {
		return ErrShort
	}
	m.Version, m.Response = b[0]>>5, b[0]&0x10 != 0
	m.Primitive, m.Conference = Primitive(b[1]), binary.BigEndian.Uint32(b[4:])
	m.Transaction, m.User = binary.BigEndian.Uint16(b[8:]), binary.BigEndian.Uint16(b[10:])
	switch n := Size(b); {
	case fragmented(b):
		return ErrFragment
	case len(b) < n:
		return ErrShort
	case len(b) > n:
		return ErrLength
	}
	return m.attributes(b[headerSize:], 0)
}

// maxDepth is how deep attributes are grouped at most (RFC 8855 §5.2).
const maxDepth = 3

// attributes reads a list of attributes, and those within.
func (m *Message) attributes(b []byte, depth int) error {
	for len(b) > 0 {
		if len(b) < 2 {
			return ErrShort
		}
		kind, mandatory, n := b[0]>>1, b[0]&1 != 0, int(b[1])
		if n < 2 || n > len(b) {
			return ErrLength
		}
		if err := m.attribute(kind, mandatory, b[2:n], depth); err != nil {
			return err
		}
		b = b[min((n+3)&^3, len(b)):]
	}
	return nil
}

func (m *Message) attribute(kind byte, mandatory bool, v []byte, depth int) error {
	number := func() uint16 { return binary.BigEndian.Uint16(v) }
	switch kind {
	case attrBeneficiary, attrFloor, attrRequest, attrStatus, attrOverallStatus, attrRequestInfo, attrFloorRequestStatus, attrBeneficiaryInfo:
		if len(v) < 2 {
			return ErrLength
		}
	}
	switch kind {
	case attrBeneficiary:
		m.Beneficiary = number()
	case attrFloor:
		m.Floor, m.HasFloor = number(), true
	case attrRequest:
		m.Request, m.HasRequest = number(), true
	case attrStatus:
		m.Status = Status(v[0])
	case attrErrorCode:
		if len(v) < 1 {
			return ErrLength
		}
		m.ErrorCode = v[0]
	case attrName:
		m.Name = string(v)
	case attrRequestInfo, attrOverallStatus:
		m.Request, m.HasRequest = number(), true
		return m.group(v, depth)
	case attrFloorRequestStatus:
		m.Floor, m.HasFloor = number(), true
		return m.group(v, depth)
	case attrBeneficiaryInfo:
		m.Beneficiary = number()
		return m.group(v, depth)
	default:
		if mandatory && kind > attrOverallStatus && len(m.unknown) < 16 {
			m.unknown = append(m.unknown, kind)
		}
	}
	return nil
}

func (m *Message) group(v []byte, depth int) error {
	if depth == maxDepth {
		return ErrLength
	}
	return m.attributes(v[2:], depth+1)
}

// Append writes the message.
func (m *Message) Append(b []byte) []byte {
	at := len(b)
	first := m.Version << 5
	if m.Response {
		first |= 0x10
	}
	b = append(b, first, byte(m.Primitive), 0, 0)
	b = binary.BigEndian.AppendUint32(b, m.Conference)
	b = binary.BigEndian.AppendUint16(b, m.Transaction)
	b = binary.BigEndian.AppendUint16(b, m.User)
	b = m.appendBody(b)
	binary.BigEndian.PutUint16(b[at+2:], uint16((len(b)-at-headerSize)/4))
	return b
}

func (m *Message) appendBody(b []byte) []byte {
	switch m.Primitive {
	case FloorRequest, FloorQuery:
		b = appendNumber(b, attrFloor, m.Floor)
	case FloorRelease, FloorRequestQuery:
		b = appendNumber(b, attrRequest, m.Request)
	case FloorRequestStatus:
		b = m.appendRequest(b)
	case FloorStatus:
		b = appendNumber(b, attrFloor, m.Floor)
		if m.HasRequest {
			b = m.appendRequest(b)
		}
	case UserStatus:
		if m.HasRequest {
			b = m.appendRequest(b)
		}
	case HelloAck:
		b = appendAttribute(b, attrSupportedPrimitives, supportedPrimitives()...)
		b = appendAttribute(b, attrSupportedAttributes, supportedAttributes()...)
	case Error:
		b = appendAttribute(b, attrErrorCode, append([]byte{m.ErrorCode}, m.unknown...)...)
	}
	return b
}

// appendRequest writes how a request for the floor stands.
func (m *Message) appendRequest(b []byte) []byte {
	at := len(b)
	b = append(b, attrRequestInfo<<1|1, 0, byte(m.Request>>8), byte(m.Request))
	inner := len(b)
	b = append(b, attrOverallStatus<<1|1, 0, byte(m.Request>>8), byte(m.Request))
	b = appendAttribute(b, attrStatus, byte(m.Status), 0)
	b[inner+1] = byte(len(b) - inner)
	inner = len(b)
	b = append(b, attrFloorRequestStatus<<1|1, 0, byte(m.Floor>>8), byte(m.Floor))
	b = appendAttribute(b, attrStatus, byte(m.Status), 0)
	b[inner+1] = byte(len(b) - inner)
	if m.Name != "" {
		inner = len(b)
		b = append(b, attrBeneficiaryInfo<<1|1, 0, byte(m.Beneficiary>>8), byte(m.Beneficiary))
		b = appendAttribute(b, attrName, []byte(m.Name[:min(len(m.Name), maxName)])...)
		b[inner+1] = byte(len(b) - inner)
	}
	b[at+1] = byte(len(b) - at)
	return b
}

// maxName keeps a grouped attribute within its 255 octets.
const maxName = 120

func appendNumber(b []byte, kind byte, v uint16) []byte {
	return appendAttribute(b, kind, byte(v>>8), byte(v))
}

// appendAttribute writes one attribute, mandatory as RFC 8855 §5.2 wants all of it.
func appendAttribute(b []byte, kind byte, v ...byte) []byte {
	b = append(append(b, kind<<1|1, byte(2+len(v))), v...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func supportedPrimitives() []byte {
	var list []byte
	for p := FloorRequest; p <= GoodbyeAck; p++ {
		if p != ChairAction && p != ChairActionAck {
			list = append(list, byte(p))
		}
	}
	return list
}

func supportedAttributes() []byte {
	return []byte{
		attrBeneficiary << 1, attrFloor << 1, attrRequest << 1, attrStatus << 1, attrErrorCode << 1, attrErrorInfo << 1,
		attrSupportedAttributes << 1, attrSupportedPrimitives << 1, attrName << 1, attrBeneficiaryInfo << 1,
		attrRequestInfo << 1, attrFloorRequestStatus << 1, attrOverallStatus << 1,
	}
}
