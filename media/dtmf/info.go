package dtmf

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The content types of digits in SIP INFO. Both are older than any standard; this
// is how Cisco and Asterisk write them.
const (
	TypeRelay = "application/dtmf-relay" // "Signal=5\r\nDuration=160\r\n", milliseconds
	TypePlain = "application/dtmf"       // "5"
)

const (
	maxInfo      = 512 // octets of a body
	infoDuration = 160 * time.Millisecond
)

// ParseInfo reads the digit of an INFO body. The content type may have parameters.
func ParseInfo(contentType string, body []byte) (Digit, error) {
	kind, _, _ := strings.Cut(contentType, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	if kind != TypeRelay && kind != TypePlain {
		return Digit{}, fmt.Errorf("dtmf: %q is not a content type of digits", kind)
	}
	if len(body) > maxInfo {
		return Digit{}, fmt.Errorf("dtmf: a body of %d octets is no digit", len(body))
	}
	d := Digit{Duration: infoDuration}
	signal := ""
	for line := range bytes.Lines(body) {
		name, value, found := strings.Cut(string(line), "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		switch {
		case !found && signal == "":
			signal = name // the plain dialect; also seen under dtmf-relay
		case strings.EqualFold(name, "Signal") && signal == "":
			signal = value
		case strings.EqualFold(name, "Duration"):
			d.Duration = infoLength(value)
		}
	}
	key, ok := keyOf(signal)
	if !ok {
		return Digit{}, fmt.Errorf("dtmf: %q is no key", signal)
	}
	d.Key = key
	return d, nil
}

// infoLength is a duration in milliseconds; what is not one is the usual one.
func infoLength(value string) time.Duration {
	ms, err := strconv.ParseUint(value, 10, 16)
	if err != nil || ms == 0 {
		return infoDuration
	}
	return min(max(time.Duration(ms)*time.Millisecond, minDuration), maxDuration)
}

// keyOf takes a key, or its event code from 10 on, which some devices send.
func keyOf(signal string) (rune, bool) {
	if len(signal) == 1 {
		d, err := normal(Digit{Key: rune(signal[0])})
		return d.Key, err == nil
	}
	if strings.EqualFold(signal, "flash") {
		return Flash, true
	}
	code, err := strconv.Atoi(signal)
	if err != nil || code < 10 || code >= len(Keys) {
		return 0, false
	}
	return rune(Keys[code]), true
}

// AppendInfo writes the INFO body of a digit in one of the two dialects.
func AppendInfo(dst []byte, contentType string, d Digit) ([]byte, error) {
	d, err := normal(d)
	if err != nil {
		return dst, err
	}
	switch contentType {
	case TypePlain:
		return append(dst, byte(d.Key)), nil
	case TypeRelay:
		return fmt.Appendf(dst, "Signal=%c\r\nDuration=%d\r\n", d.Key, d.Duration.Milliseconds()), nil
	}
	return dst, fmt.Errorf("dtmf: %q is not a content type of digits", contentType)
}
