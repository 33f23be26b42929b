// Package gvoice is a stand-in for Google Voice's SIP telephony edge. It is
// strict: what Google drops it drops, and it says why (GET /state, the log),
// with the GV-S number of docs/protocols. Faults can be switched on while it
// runs. It imports none of the gateway's packages, so no bug can hide by being
// on both sides. Start reading at [Server.Start]; docs/protocols/google-voice.md
// lists rules, faults and options.
//
// # Control endpoint
//
// HTTP on [Server.ControlURL], JSON. Durations are strings such as "1.5s".
//
//	GET    /state              accounts, connections, registrations, calls with measurements, refusals
//	GET    /ladder             all SIP messages; ?call=ID, ?format=text
//	POST   /accounts           {"number":"+12025550123","client_id":"c","client_secret":"s","refresh_token":"r"}
//	POST   /people             {"number":"+12025550190","answer_after":"2s","tone":800}: a far person
//	POST   /calls              {"to":"+12025550123","from":"+12025550147","talk":{"tone":440,"talk_for":"5s"}}
//	GET    /calls, /calls/{id} reports; ?wait=30s on one call waits for its end
//	POST   /calls/{id}/hangup  the far person hangs up
//	POST   /calls/{id}/dtmf    {"digits":"1"}
//	POST   /calls/{id}/reinvite
//	POST   /faults             {"kind":"invite-status","status":503,"times":1}
//	DELETE /faults             all; ?kind=… only these
//	GET    /ca.pem             root certificates to trust
//	GET    /client.pem         ?key=rsa1024, rsa2048 or ecdsa: client certificate and key for obihai.
//	GET    /o/oauth2/v2/auth   the authorization endpoint: everybody consents at once
//	POST   /oauth2/v3/token    the token endpoint, also /token; the same over TLS on [Server.TokenURL]
package gvoice
