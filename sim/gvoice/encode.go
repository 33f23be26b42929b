package gvoice

import (
	"crypto/rand"
	"encoding/base32"
	"strings"
)

var base32NoPad = base32.StdEncoding.WithPadding(base32.NoPadding)

// message2 is a protobuf message of two strings, fields 1 and 2. Both must be
// shorter than 128 bytes.
func message2(first, second string) []byte {
	b := append([]byte{0x0a, byte(len(first))}, first...)
	return append(append(b, 0x12, byte(len(second))), second...)
}

// encodedUser is the user part of the first P-Associated-URI: the registered
// name and a 20 digit id (reference, section 6.4).
func encodedUser(user, id string) string {
	return base32NoPad.EncodeToString(message2(user, id))
}

// serverTag is a To-tag as Google makes them: a token that begins with PCI and
// a short random string, in Base32.
func serverTag() string {
	return base32NoPad.EncodeToString(message2("PCI"+rand.Text()+rand.Text()[:6], rand.Text()[:6]))
}

// labelLimit is where Google cuts an encoded route: the longest DNS label.
const labelLimit = 63

// encodedName is a route or host as Google hides it: the first 63 characters
// are the host, the rest is the continuation ("econt").
type encodedName struct{ host, econt string }

// The sizes of section 6.4, in bytes before Base32.
const (
	contactBytes = 57
	viaBytes     = 75
)

func newEncodedName(size int) encodedName {
	b := make([]byte, size)
	_, _ = rand.Read(b)
	copy(b, []byte{0x00, 0xb3, 0x08, 0x2e, 0x0e})
	text := base32NoPad.EncodeToString(b)
	return encodedName{text[:labelLimit], text[labelLimit:]}
}

// plainEquals undoes %3D: Google writes "=" in all its messages (GV-S12).
func plainEquals(v string) string {
	return strings.ReplaceAll(strings.ReplaceAll(v, "%3D", "="), "%3d", "=")
}
