// Package audio is what a simulated telephone needs of sound: G.711, tones, a
// meter for what is heard, RTP stream figures (RFC 3550) and telephone-events
// (RFC 4733). Start reading at [Receiver.Packet].
package audio
