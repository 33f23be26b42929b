//go:build !race

package hostile

const (
	slack     = 2      // other work on the machine; the goals are half of the limits
	floodRate = 60_000 // messages a second, as the goal has it
)
