package bridge

import (
	"sync"
	"time"

	"tandem/media/codec/yuv"
	"tandem/media/video"
)

// Commons lets the rooms of one node that are in one meeting share what they decode and
// code: who is seen by several is decoded by one of them, and the others show its pictures;
// of rooms that see the same, one draws and codes it for all (cast). One object serves all
// bridges of a node; the zero value is ready. It is safe for concurrent use.
type Commons struct {
	pool video.Pool

	mu    sync.Mutex // guards what follows
	shows map[string]*showing
	casts casts
	beats beats
}

// showing is somebody's pictures, decoded by one conference.
type showing struct {
	by     *conference
	at     time.Time // of the latest
	height int
	wanted time.Time // when another conference asked last
	latest *video.Picture
	number uint64 // of latest
}

const (
	// Who has made no picture for so long does not decode for others: longer than the
	// time between two pictures at half the rate of a slow camera.
	shareStale = 300 * time.Millisecond
	// For so long after others asked, pictures are copied for them.
	shareWanted = time.Second
)

// decodes says whether another conference decodes somebody in at least so many lines.
func (s *Commons) decodes(now time.Time, id string, me *conference, lines int) bool {
	if s == nil || id == "" {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	show := s.shows[id]
	return show != nil && show.by != me && now.Sub(show.at) <= shareStale && show.height >= lines
}

// borrow asks whether another conference decodes somebody in at least so many lines. It
// returns its latest picture, to be released, when its number is not last; nil when it
// is, or when there is none yet.
func (s *Commons) borrow(now time.Time, id string, me *conference, lines int, last uint64) (pic *video.Picture, number uint64, ok bool) {
	if s == nil || id == "" {
		return nil, 0, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	show := s.shows[id]
	if show == nil || show.by == me {
		return nil, 0, false
	}
	show.wanted = now
	switch {
	case now.Sub(show.at) > shareStale || show.height < lines:
		return nil, 0, false
	case show.latest == nil || show.number == last:
		return nil, last, show.latest != nil
	}
	show.latest.Retain()
	return show.latest, show.number, true
}

// publish tells that a conference has decoded a picture, which is lent for the call. The
// first who shows somebody goes on doing so, unless another has a larger picture.
func (s *Commons) publish(now time.Time, id string, me *conference, pic *video.Picture) {
	if s == nil || id == "" {
		return
	}
	if !s.asked(now, id, me, pic.Height) {
		return
	}
	kept := s.pool.Get(pic.Width, pic.Height) // not under the lock: it takes its time
	yuv.Copy(kept, pic)
	s.mu.Lock()
	defer s.mu.Unlock()
	show := s.shows[id]
	if show == nil || show.by != me {
		kept.Release()
		return
	}
	if show.latest != nil {
		show.latest.Release()
	}
	show.latest, show.number = kept, show.number+1
}

// asked notes who shows somebody, and reports whether others want the pictures of me.
func (s *Commons) asked(now time.Time, id string, me *conference, height int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	show := s.shows[id]
	switch {
	case show == nil:
		if s.shows == nil {
			s.shows = make(map[string]*showing)
		}
		show = &showing{by: me}
		s.shows[id] = show
	case show.by == me:
	case now.Sub(show.at) > shareStale || height > show.height:
		show.by = me
	default:
		return false
	}
	show.at, show.height = now, height
	if now.Sub(show.wanted) <= shareWanted {
		return true
	}
	show.drop()
	return false
}

func (s *showing) drop() {
	if s.latest != nil {
		s.latest.Release()
		s.latest = nil
	}
}

// leave forgets what a conference has shown.
func (s *Commons) leave(me *conference) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, show := range s.shows {
		if show.by == me {
			show.drop()
			delete(s.shows, id)
		}
	}
}
