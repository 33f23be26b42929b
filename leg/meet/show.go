package meet

import "time"

const (
	showIdle  = 2 * time.Second // without content our presentation ends
	showRetry = 5 * time.Second // between two attempts to present
)

// presenting is the state of our own shared content. It begins by itself when
// content is written, and ends when none has been for a while. Who is replaced as
// the presenter presents again only after such a pause, so that two rooms do not
// fight.
type presenting struct {
	on      bool // the service takes our content
	asked   time.Time
	last    time.Time // content was written
	yielded bool      // somebody else presents, or we were refused
	want    func()    // asks for the presentation to begin; never blocks
}

// written notes a packet, and reports whether it may be sent.
func (p *presenting) written(now time.Time) bool {
	if now.Sub(p.last) > showIdle {
		p.yielded = false
	}
	p.last = now
	if p.on {
		return true
	}
	if !p.yielded && now.Sub(p.asked) > showRetry && p.want != nil {
		p.asked = now
		p.want()
	}
	return false
}

// idle reports whether our presentation is to end.
func (p *presenting) idle(now time.Time) bool { return p.on && now.Sub(p.last) > showIdle }

// told takes over who presents, as the service says.
func (p *presenting) told(own bool) {
	p.yielded = p.yielded || p.on && !own
	p.on = own
}

// refused notes that we may not present.
func (p *presenting) refused() { p.on, p.yielded = false, true }
