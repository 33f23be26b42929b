// Package flow carries SIP messages over UDP, TCP, TLS and WebSocket, on IPv4 and
// IPv6. Start reading at [Transport], which listens and dials, and at [Flow],
// which is what both give; [Resolver] finds where to dial.
//
// Messages of one flow are handed to the Handler in wire order, on the goroutine
// that reads the flow. Nothing here starts a goroutine per message, and nothing
// dials behind the caller's back: when a flow dies, that is an event.
package flow
