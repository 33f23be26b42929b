package bridge

import "tandem/media"

// floors passes between two rooms who of them shares its screen: each has floor control
// with us, and one screen is shared at a time. The room that asked last has it.
type floors struct {
	holds [2]bool   // as seen last: a, b
	told  [2]string // who presents, as a and b were told
}

// A holder is a room with floor control that can be asked whether it has the floor.
type holder interface {
	floored
	HoldsFloor() bool
}

// otherSide is what a room reads of who shares a screen with it.
const otherSide = "The other side"

// arrange tells each room what has become of the floor.
func (f *floors) arrange(a, b media.Session) {
	rooms := [2]media.Session{a, b}
	var now [2]bool
	for i, s := range rooms {
		h, ok := s.(holder)
		now[i] = ok && h.HoldsFloor()
	}
	if now[0] && now[1] { // the newer one; its request takes the floor from the other
		now[0], now[1] = !f.holds[0] || f.holds[1], f.holds[0]
	}
	f.holds = now
	for i, s := range rooms {
		h, ok := s.(holder)
		if !ok {
			continue
		}
		name := ""
		if now[1-i] {
			name = otherSide
		}
		if name != f.told[i] || name != "" && h.HoldsFloor() {
			f.told[i] = name
			h.Present(name)
		}
	}
}
