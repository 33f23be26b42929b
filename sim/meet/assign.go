package meet

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// assignment is what a client wants to see, and what it gets.
type assignment struct {
	label   string
	limit   resolution
	views   []*view
	asked   bool
	recent  []time.Time // requests of the last second
	pushed  []canvasAssignment
	changed int
}

type resolution struct {
	Height    int `json:"height"`
	Width     int `json:"width"`
	FrameRate int `json:"frameRate"`
}

type canvasKind uint8

const (
	relevant canvasKind = iota
	direct
	presentation
)

// view is a canvas, and what is on it.
type view struct {
	id            int
	kind          canvasKind
	width, height int
	entry         int // of direct
	stream        *stream

	key     pictureKey // zero: nothing
	want    int        // layer that is to be shown
	layer   int        // layer that is shown
	started bool       // a keyframe was sent
	reel    *reel      // of scripted people
	at      int        // in the reel
}

// layout is a parsed setAssignment.
type layout struct {
	label string
	limit resolution
	views []view
}

// parseAssignment reads a request; why says what is wrong with it.
func parseAssignment(body json.RawMessage, d *device) (layout, string) {
	var in struct {
		LayoutModel struct {
			Label    string `json:"label"`
			Canvases []struct {
				ID           int        `json:"id"`
				Dimensions   resolution `json:"dimensions"`
				Relevant     *struct{}  `json:"relevant"`
				Presentation *struct{}  `json:"presentation"`
				Direct       *struct {
					MediaEntryID int `json:"mediaEntryId"`
				} `json:"direct"`
			} `json:"canvases"`
		} `json:"layoutModel"`
		MaxVideoResolution resolution `json:"maxVideoResolution"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return layout{}, err.Error()
	}
	out := layout{label: in.LayoutModel.Label, limit: in.MaxVideoResolution}
	seen := map[int]bool{}
	for _, c := range in.LayoutModel.Canvases {
		v := view{id: c.ID, width: c.Dimensions.Width, height: c.Dimensions.Height}
		switch {
		case seen[c.ID] && d.profile == mediaAPI:
			continue // the public client fills up with its last canvas when it has more streams than layouts
		case c.ID == 0 || seen[c.ID]:
			return layout{}, fmt.Sprintf("canvas id %d is zero or there twice", c.ID)
		case min(v.width, v.height) < leastCanvas || max(v.width, v.height) > largestCanvas:
			return layout{}, fmt.Sprintf("canvas %d has %dx%d, want %d to %d each", c.ID, v.width, v.height, leastCanvas, largestCanvas)
		case c.Presentation != nil:
			v.kind = presentation
		case c.Direct != nil && c.Direct.MediaEntryID != 0:
			v.kind, v.entry = direct, c.Direct.MediaEntryID
		case c.Direct != nil && d.srv.cfg.Options.DirectReject:
			return layout{}, fmt.Sprintf("canvas %d: direct canvases are not supported", c.ID)
		case c.Relevant == nil && c.Direct == nil:
			return layout{}, fmt.Sprintf("canvas %d is neither relevant nor direct nor presentation", c.ID)
		}
		seen[c.ID] = true
		out.views = append(out.views, v)
	}
	return out, out.fits(d)
}

func (l layout) fits(d *device) string {
	cameras, screens := 0, 0
	for _, v := range l.views {
		if v.kind == presentation {
			screens++
			continue
		}
		cameras++
	}
	switch {
	case cameras > len(d.cameras):
		return fmt.Sprintf("%d canvases for %d video streams", cameras, len(d.cameras))
	case screens > 1 || screens == 1 && d.content == nil:
		return "one presentation canvas, and only with a content-down section"
	}
	return ""
}

// set replaces the layout; canvases with known ids keep their streams.
func (a *assignment) set(l layout) {
	old := map[int]*view{}
	for _, v := range a.views {
		old[v.id] = v
	}
	a.label, a.limit, a.asked = l.label, l.limit, true
	a.views = nil
	for _, v := range l.views {
		if o := old[v.id]; o != nil && (o.kind == presentation) == (v.kind == presentation) {
			o.kind, o.width, o.height, o.entry = v.kind, v.width, v.height, v.entry
			a.views = append(a.views, o)
			continue
		}
		a.views = append(a.views, &v)
	}
}

// streams gives each view a stream that no other has.
func (d *device) assignStreams() {
	used := map[*stream]bool{}
	for _, v := range d.video.views {
		used[v.stream] = v.stream != nil
	}
	for _, v := range d.video.views {
		if v.stream != nil {
			continue
		}
		if v.kind == presentation {
			v.stream = d.content
			continue
		}
		i := slices.IndexFunc(d.cameras, func(s *stream) bool { return !used[s] })
		if i >= 0 {
			v.stream = d.cameras[i]
			used[v.stream] = true
		}
	}
}

// rankedLocked is what can be seen, the most relevant first: who speaks, who
// presents, then the others in the order of joining. Without a content section
// shared screens come before all cameras.
func (m *meeting) rankedLocked(d *device, now time.Time) []pictureKey {
	var out []pictureKey
	if p := m.presenter; d.content == nil && p != nil && p != d.member {
		out = append(out, pictureKey{p.id, true})
	}
	seen := slices.Clone(m.members)
	rank := func(x *member) int {
		switch {
		case now.Sub(m.spoke[x.id]) < speakerHold:
			return 0
		case x.sharing:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(seen, func(a, b *member) int { return cmp.Compare(rank(a), rank(b)) })
	for _, x := range seen {
		if x != d.member && !x.videoMuted {
			out = append(out, pictureKey{x.id, false})
		}
	}
	return out
}

const speakerHold = 3 * time.Second

// assignLocked decides what a device sees and tells it when that changed.
func (m *meeting) assignLocked(d *device, now time.Time) {
	if !d.video.asked || d.state != stateJoined {
		return
	}
	d.assignStreams()
	keys := m.keysLocked(d, now)
	var wants []want
	for i, v := range d.video.views {
		if v.key != keys[i] {
			v.key, v.started, v.reel, v.at = keys[i], false, nil, 0
		}
		wants = append(wants, m.wantLocked(v, d.video.limit, now))
	}
	d.session.mu.Lock()
	budget := d.session.sender.path.budget()
	d.session.mu.Unlock()
	fit(budget, wants)
	for i, v := range d.video.views {
		v.want = wants[i].layer
	}
	m.pushLocked(d)
}

// keysLocked is what each view shows.
func (m *meeting) keysLocked(d *device, now time.Time) []pictureKey {
	views := d.video.views
	out := make([]pictureKey, len(views))
	var current []pictureKey
	var places []int
	taken := map[pictureKey]bool{}
	for i, v := range views {
		switch v.kind {
		case presentation:
			if p := m.presenter; p != nil && p != d.member {
				out[i] = pictureKey{p.id, true}
			}
		case direct:
			out[i] = m.directLocked(v.entry, d)
			taken[out[i]] = true
		default:
			current, places = append(current, v.key), append(places, i)
		}
	}
	ranked := slices.DeleteFunc(m.rankedLocked(d, now), func(k pictureKey) bool { return taken[k] })
	for j, key := range assignCanvases(current, ranked) {
		out[places[j]] = key
	}
	return out
}

func (m *meeting) directLocked(entry int, d *device) pictureKey {
	for _, x := range m.members {
		switch {
		case x == d.member:
		case x.entry() == entry && !x.videoMuted:
			return pictureKey{x.id, false}
		case x.shareEntry() == entry && x.sharing:
			return pictureKey{x.id, true}
		}
	}
	return pictureKey{}
}

// wantLocked is the layers of what a view shows, and the one that fills it.
func (m *meeting) wantLocked(v *view, limit resolution, now time.Time) want {
	who := m.memberLocked(v.key.id)
	if who == nil {
		return want{}
	}
	canvas := max(v.height, v.width*9/16)
	top := 0
	if limit.Height > 0 || limit.Width > 0 {
		top = max(limit.Height, limit.Width*9/16)
	}
	heights := m.heightsLocked(who, v.key.share, now)
	var w want
	for i, h := range heights {
		rate := layerRate(h)
		if who.device != nil {
			kind := roleCamera
			if v.key.share {
				kind = roleContentUp
			}
			rate = who.device.session.in.rateOf(kind, i)
		}
		w.rates = append(w.rates, rate)
	}
	w.layer = fillLayer(heights, canvas, top)
	// A layer that pauses is replaced by the nearest that does not.
	for w.layer > 0 && heights[w.layer] == 0 {
		w.layer--
	}
	for w.layer < len(heights)-1 && heights[w.layer] == 0 {
		w.layer++
	}
	return w
}

// heightsLocked is the heights of somebody's layers, lowest first.
func (m *meeting) heightsLocked(who *member, share bool, now time.Time) []int {
	switch {
	case who.device != nil && share:
		return []int{1080}
	case who.device != nil:
		return who.device.session.in.layerHeights(now)
	}
	sizes := who.sizes(share)
	out := make([]int, len(sizes))
	for i, s := range sizes {
		out[i] = min(s[0], s[1])
	}
	return out
}

// sizes is the layers of a scripted person, lowest first.
func (m *member) sizes(share bool) [][2]int {
	if share {
		return [][2]int{{960, 540}, {1920, 1080}}
	}
	w, h := or(m.person.Width, 1280), or(m.person.Height, 720)
	return [][2]int{{w / 4, h / 4}, {w / 2, h / 2}, {w, h}}
}

// pushLocked sends the assignment if it differs from the last one.
func (m *meeting) pushLocked(d *device) {
	now := []canvasAssignment{}
	for _, v := range d.video.views {
		c := canvasAssignment{CanvasID: v.id}
		if who := m.memberLocked(v.key.id); who != nil && v.stream != nil {
			c.SSRC, c.MediaEntryID = v.stream.ssrc, who.entry()
			if v.key.share {
				c.MediaEntryID = who.shareEntry()
			}
		}
		now = append(now, c)
	}
	if d.video.pushed != nil && slices.Equal(now, d.video.pushed) {
		return
	}
	d.video.pushed = now
	d.video.changed++
	d.sendLocked(chAssignment, message{Resources: []map[string]any{resource(0, "videoAssignment", videoAssignment{d.video.label, now})}})
}
