package main

import "regexp"

// credentials are the header fields and parameters that must not be shown.
var credentials = regexp.MustCompile(`(?im)^((?:proxy-)?authorization[ \t]*:[ \t]*)(\S+)[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*|(inline:)[A-Za-z0-9+/=]+|(a=ice-pwd:)\S+`)

// redact takes the secrets out of a SIP message: tokens, digests, media keys.
func redact(b []byte) []byte {
	return credentials.ReplaceAll(b, []byte("$1$2$3$4 [redacted]"))
}
