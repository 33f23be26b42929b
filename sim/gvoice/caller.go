package gvoice

import (
	"fmt"
	"strings"
)

// callerHost is the host of the caller's address on the telephony edge.
const callerHost = "216.239.32.1"

// callerIdentity is From, P-Asserted-Identity and Privacy for the variants of
// GV-S26.
func callerIdentity(in Incoming, withheld Withheld) (from, asserted, privacy string) {
	name := or(in.Name, "caller")
	switch in.Display {
	case NumberAsName:
		name = in.From
	case NumberAtHost:
		name = in.From + "@" + callerHost
	case NoDisplayName:
		name = ""
	case NumberWithheld:
		return withheldFrom(withheld), "", "id"
	}
	if name != "" {
		name = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", "", "\n", "").Replace(name) + `" `
	}
	return fmt.Sprintf("%s<sip:%s@%s:5060>", name, in.From, callerHost), fmt.Sprintf("%s<sip:%s@%s>", name, in.From, callerHost), "none"
}

func withheldFrom(w Withheld) string {
	switch w {
	case WithheldEmptyUser:
		return "<sip:" + callerHost + ":5060>"
	case WithheldUnavailable:
		return `"Unavailable" <sip:unavailable@unknown.invalid>`
	}
	return `"Anonymous" <sip:anonymous@anonymous.invalid>`
}
