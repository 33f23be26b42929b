package flow

import (
	"encoding/binary"
	"net/netip"
)

// STUN on the SIP port is the keep-alive of UDP flows (RFC 5626 §3.5.2, RFC 8489).
const (
	stunHeader   = 20
	stunCookie   = 0x2112A442
	stunRequest  = 0x0001 // Binding request
	stunResponse = 0x0101
	stunMapped   = 0x0020 // XOR-MAPPED-ADDRESS
)

// stunAnswer is the answer to a Binding request from an address, nil if b is none.
// Attributes are not looked at: RFC 5626 needs none.
func stunAnswer(b []byte, from netip.AddrPort) []byte {
	if len(b) < stunHeader || len(b)%4 != 0 ||
		binary.BigEndian.Uint16(b) != stunRequest ||
		int(binary.BigEndian.Uint16(b[2:])) != len(b)-stunHeader ||
		binary.BigEndian.Uint32(b[4:]) != stunCookie {
		return nil
	}
	ip := from.Addr().AsSlice()
	family := byte(1)
	if len(ip) == 16 {
		family = 2
	}
	out := make([]byte, 0, stunHeader+8+len(ip))
	out = binary.BigEndian.AppendUint16(out, stunResponse)
	out = binary.BigEndian.AppendUint16(out, uint16(8+len(ip)))
	out = append(out, b[4:stunHeader]...) // cookie and transaction id
	out = binary.BigEndian.AppendUint16(out, stunMapped)
	out = binary.BigEndian.AppendUint16(out, uint16(4+len(ip)))
	out = append(out, 0, family)
	out = binary.BigEndian.AppendUint16(out, from.Port()^uint16(stunCookie>>16))
	for i, c := range ip {
		out = append(out, c^b[4+i])
	}
	return out
}
