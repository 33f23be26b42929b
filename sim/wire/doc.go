// Package wire carries SIP messages for the simulators: framing on streams,
// messages with their headers verbatim, text built line by line, and a record
// of what passed (a ladder). Syntax is judged by sipgo's parser, so that the
// simulators and the gateway cannot share a misreading. Start reading at
// [Reader.Next].
package wire
