// Package meet is a stand-in for the interop edge of Google Meet: the strict other
// end of the contract in docs/protocols/meet-interop.md, with scripted people who
// talk, show themselves and share screens. What breaks a rule is refused and
// written down with the rule's number (GET /violations). Faults can be switched on
// while it runs. It imports none of the gateway's packages, so no bug can hide by
// being on both sides. Start reading at [Server.Start].
//
// # How it is built
//
// One UDP port carries all sessions (mux.go); a session is ICE-lite, DTLS and
// SRTP of one client (session.go, dtls.go), what it sends (sender.go) and what it
// receives (uplink.go). A device is a client in a meeting (device.go), with its
// data channels (channel.go, requests.go, announce.go). A meeting has one mutex and
// one clock (meeting.go, tick.go). What is decided without time and sockets is
// pure: offers (sdp.go, offer.go), answers (answer.go), who is heard and seen
// (choose.go), putting frames together (assemble.go).
//
// A meeting's mutex may be held while a session's is taken, never the other way
// round; the server's is the innermost.
//
// # Control endpoint
//
// HTTP on [Server.ControlURL], JSON. Durations are strings such as "1.5s". {id} is
// a space id, PIN or code; devices go by resource name or display name.
//
//	GET    /                      a page for people
//	GET    /visit/{id}            a page that joins a meeting as a browser; ?name=&colour=rgb(…)&tone=Hz, ?camera=own
//	GET    /state                 meetings, devices with measurements, faults, violations
//	GET    /violations
//	GET    /ca.pem                root certificate of the edge
//	POST   /gateway-certificates  a certificate request (PEM); answers the chain
//	POST   /tokens                {"value":"0123456789abcdef","tenant":"example","trusted":true}
//	POST   /tokens/revoke         {"value":"0123456789abcdef"}
//	POST   /media-api-tokens      {"value":"ya29…","scopes":["meetings.conference.media.readonly"]}
//	POST   /meetings              {"pin":"1234567890123","title":"Weekly","tenant":"example","people":[{"name":"Ada Example","talking":true}]}
//	GET    /meetings/{id}         one meeting, with the messages of data channels
//	GET    /meetings/{id}/pictures/{track}.png?device=…  the last picture received; track is a rid or "content"
//	POST   /meetings/{id}/people  {"name":"Bob Example","steps":[{"at":"2s","do":"talk","for":"3s"}]}
//	POST   /meetings/{id}/do      {"person":"Bob Example","do":"share"}
//	POST   /meetings/{id}/admit   {"device":"Board room"}; also deny, remove, mute
//	POST   /meetings/{id}/indicators  {"recording":true,"streaming":false,"transcription":false,"notes":false}
//	POST   /meetings/{id}/video-lock  {"locked":true}
//	POST   /meetings/{id}/end
//	POST   /faults                {"kind":"loss","percent":5,"direction":"up"}
//	DELETE /faults                all; ?kind=… only these
package meet
