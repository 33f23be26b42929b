package transport

import (
	"slices"

	"tandem/media"
	"tandem/media/rtp"
	"tandem/media/sdp"
)

// layers are the streams of a camera that the far end sends in several sizes at once
// (RFC 8853). Each has an SSRC, a source and feedback of its own, and passes bundled like
// the stream they belong to, which goes on to send.
type layers struct {
	agreed  sdp.Simulcast
	streams []*stream // by the order of agreed.RIDs

	known map[uint32]*stream // by SSRC; guarded by the audio's in.mu
}

// mostSSRCs bounds what is remembered: three layers with retransmissions, twice.
const mostSSRCs = 12

// useLayers has a stream of its own for each layer that was agreed on. ctl is held.
func (s *stream) useLayers(st *sdp.Stream, offered bool) error {
	set := s.layers.Load()
	if set != nil && !slices.Equal(set.agreed.RIDs, st.Simulcast.RIDs) {
		s.dropLayers()
		set = nil
	}
	if len(st.Simulcast.RIDs) == 0 {
		return nil
	}
	if set == nil {
		set = &layers{known: make(map[uint32]*stream)}
		for _, rid := range st.Simulcast.RIDs {
			l := newStream(s.session, media.Video)
			l.rid = rid
			set.streams = append(set.streams, l)
		}
	}
	for i, l := range set.streams {
		own := *st
		own.MID, own.Simulcast, own.Direction = st.Simulcast.RIDs[i], sdp.Simulcast{}, receiveOnly(st.Direction)
		if err := l.apply(&own, offered); err != nil {
			return err
		}
		info := l.source.Info()
		info.Layer = i
		l.source.info.Store(&info)
	}
	base := s.session.audio
	base.in.mu.Lock()
	defer base.in.mu.Unlock()
	if set.agreed.ID != st.Simulcast.ID || set.agreed.RepairedID != st.Simulcast.RepairedID {
		clear(set.known)
	}
	fresh := &layers{agreed: st.Simulcast, streams: set.streams, known: set.known}
	s.layers.Store(fresh)
	return nil
}

func receiveOnly(d media.Direction) media.Direction {
	if d.Receives() {
		return media.RecvOnly
	}
	return media.Inactive
}

// dropLayers ends the layers' streams. ctl is held.
func (s *stream) dropLayers() {
	set := s.layers.Swap(nil)
	if set == nil {
		return
	}
	for _, l := range set.streams {
		l.in.mu.Lock()
		l.in.open = false
		l.in.mu.Unlock()
		l.shut()
		l.source.Attach(nil)
	}
}

// of is the stream of a packet's layer; nil when nothing says which it is. A sender names
// the layer until it knows that we know (RFC 8852). The audio's in.mu is held.
func (set *layers) of(h *rtp.Header) *stream {
	if l := set.known[h.SSRC]; l != nil {
		return l
	}
	for id, name := range h.Elements() {
		if id == 0 || id != set.agreed.ID && id != set.agreed.RepairedID {
			continue
		}
		for _, l := range set.streams {
			if l.rid != string(name) {
				continue
			}
			if len(set.known) >= mostSSRCs {
				clear(set.known)
			}
			set.known[h.SSRC] = l
			return l
		}
	}
	return nil
}

// sources are where the stream's packets come out: one, or one for each layer.
func (s *stream) sources() []media.Source {
	set := s.layers.Load()
	if set == nil {
		return []media.Source{s.source}
	}
	list := make([]media.Source, len(set.streams))
	for i, l := range set.streams {
		list[i] = l.source
	}
	return list
}
