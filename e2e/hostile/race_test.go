//go:build race

package hostile

// What the race detector costs: figures are taken without it.
const (
	slack     = 10
	floodRate = 5_000
)
