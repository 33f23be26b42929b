package bridge

import "time"

// command is what a person at a room asks for with the keys.
type command uint8

const (
	nothing    command = iota
	toggleMute         // *6
	nextLayout         // *8
	toggleMix          // *4: the presentation in the picture
)

// starTime is how long after the star its second key may come.
const starTime = 4 * time.Second

// keypad understands keys. A key that comes twice, as an event and by INFO, does no
// harm: the second star begins again, and the second digit has no star before it.
type keypad struct {
	star time.Time // when it was pressed; zero: not
}

// press is pure but for the star.
func (k *keypad) press(now time.Time, key rune) command {
	armed := !k.star.IsZero() && now.Sub(k.star) <= starTime
	k.star = time.Time{}
	switch {
	case key == '*':
		k.star = now
	case !armed:
	case key == '4':
		return toggleMix
	case key == '6':
		return toggleMute
	case key == '8':
		return nextLayout
	}
	return nothing
}
