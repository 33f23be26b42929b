package meet

import (
	"reflect"
	"time"

	"tandem/media"
)

const (
	assignEvery   = time.Second // changes of the assignment (reference 5.4)
	presentation  = 100         // canvas of the shared screen; cameras count from 1
	minDimension  = 16
	maxDimension  = 4096
	fullFrameRate = 30
	screenWidth   = 1920 // of a shared screen, the most there is (contract, 6)
	screenHeight  = 1080
)

// views decides what is asked of the service for the pictures a layout has room
// for. It is pure; the caller sends what next returns.
type views struct {
	videos  int  // sections down
	content bool // there is a section for shared screens

	want  []media.View
	asked setAssignment
	sent  bool
	at    time.Time // when it was asked last
}

// show notes what is wanted.
func (v *views) show(list []media.View) { v.want = append(v.want[:0:0], list...) }

// next is what is to be asked now, if anything; wait is when to look again, 0 when
// nothing is due.
func (v *views) next(now time.Time) (ask *setAssignment, wait time.Duration) {
	want := v.assignment()
	if v.sent && reflect.DeepEqual(want, v.asked) || !v.sent && len(want.Layout.Canvases) == 0 {
		return nil, 0
	}
	if wait := v.at.Add(assignEvery).Sub(now); !v.at.IsZero() && wait > 0 {
		return nil, wait
	}
	v.asked, v.sent, v.at = want, true, now
	return &want, 0
}

// again makes what was asked count as not asked: it was refused for now, or there
// is a new session.
func (v *views) again() { v.sent = false }

// assignment is the wanted views as canvases. The n-th camera is always canvas n,
// so that pictures stay where they are.
func (v *views) assignment() setAssignment {
	out := setAssignment{Layout: layoutModel{Label: "main", Canvases: []canvas{}}}
	cameras, shared := 0, false
	most := resolution{FrameRate: fullFrameRate}
	for _, w := range v.want {
		c := canvas{Dimensions: dimensions{Height: clamp(w.Height), Width: clamp(w.Width)}}
		switch {
		case w.Content && v.content && !shared:
			shared = true
			c.ID, c.Presentation = presentation, &struct{}{}
			// Text is to be read: what is made smaller here is sharper than what the
			// service has in the next smaller size.
			most.Height, most.Width = max(most.Height, screenHeight), max(most.Width, screenWidth)
		case !w.Content && cameras < v.videos:
			cameras++
			c.ID, c.Relevant = int64(cameras), &struct{}{}
			fill := filling(c.Dimensions)
			most.Height, most.Width = max(most.Height, fill), max(most.Width, fill*16/9)
		default:
			continue
		}
		most.Height, most.Width = max(most.Height, c.Dimensions.Height), max(most.Width, c.Dimensions.Width)
		out.Layout.Canvases = append(out.Layout.Canvases, c)
	}
	if len(out.Layout.Canvases) > 0 {
		out.MaxResolution = &most
	}
	return out
}

// filling is the height of the smallest picture that a camera is sent in and that fills a
// canvas. A limit below it would leave out the very layer that is wanted: a tile a little
// smaller than 720 lines would get 360. It is 0 when there is none.
func filling(d dimensions) int {
	need := max(d.Height, d.Width*9/16)
	for _, lines := range [...]int{180, 360, 720, 1080} {
		if need <= lines {
			return lines
		}
	}
	return 0
}

func clamp(n int) int { return min(max(n, minDimension), maxDimension) }
