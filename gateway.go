// Package tandem wires the parts of the gateway together. Start reading at
// gateway.go, the list of parts; each part explains itself in its own folder.
package tandem
