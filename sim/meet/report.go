package meet

import (
	"context"
	"fmt"
	"image"
	"slices"
	"time"

	"tandem/sim/audio"
	"tandem/sim/picture"
)

// State is what GET /state shows.
type State struct {
	Edge       string         `json:"edge"`
	Media      string         `json:"media"`
	Meetings   []MeetingState `json:"meetings"`
	Tokens     []TokenState   `json:"tokens"`
	Faults     []Fault        `json:"faults"`
	Violations []Violation    `json:"violations"`
	Counters   map[string]int `json:"counters"`
	Unverified int            `json:"unverified"` // packets from addresses without a valid check
}

// TokenState is an access token without its secret.
type TokenState struct {
	Ends    string `json:"ends"` // the last four characters
	Tenant  string `json:"tenant"`
	Type    string `json:"type,omitempty"`
	Trusted bool   `json:"trusted"`
	Revoked bool   `json:"revoked"`
}

// MeetingState is one meeting.
type MeetingState struct {
	Space       string        `json:"space"`
	PIN         string        `json:"pin"`
	Code        string        `json:"code"`
	Title       string        `json:"title"`
	Tenant      string        `json:"tenant"`
	Over        bool          `json:"over"`
	Started     time.Time     `json:"started,omitzero"` // the scripts' beginning
	Loudest     string        `json:"loudest,omitempty"`
	Presenter   string        `json:"presenter,omitempty"`
	Indicators  Signs         `json:"indicators"`
	VideoLocked bool          `json:"video_locked"`
	People      []PersonState `json:"people"`
	Devices     []DeviceState `json:"devices"`
	Past        []DeviceState `json:"past"`
}

// PersonState is a scripted person.
type PersonState struct {
	Name       string  `json:"name"`
	Key        string  `json:"participant_key"`
	Device     string  `json:"device"`
	Present    bool    `json:"present"`
	Talking    bool    `json:"talking"`
	AudioMuted bool    `json:"audio_muted"`
	VideoMuted bool    `json:"video_muted"`
	Sharing    bool    `json:"sharing"`
	Colour     string  `json:"colour"`
	Tone       float64 `json:"tone"`
	AudioCSRC  uint32  `json:"audio_csrc"`
	VideoCSRC  uint32  `json:"video_csrc"`
	ShareCSRC  uint32  `json:"share_csrc"`
	Entry      int     `json:"media_entry_id"`
	ShareEntry int     `json:"share_entry_id"`
}

// DeviceState is one client: who it is, what it gets, and what was received from it.
type DeviceState struct {
	Name         string           `json:"name"`
	DisplayName  string           `json:"display_name"`
	Kind         string           `json:"kind"`
	Issuer       string           `json:"issuer,omitempty"`
	Trusted      bool             `json:"trusted"`
	State        string           `json:"state"`
	Reason       Disconnect       `json:"reason,omitempty"`
	Why          string           `json:"why,omitempty"`
	Created      time.Time        `json:"created"`
	Joined       time.Time        `json:"joined,omitzero"`
	Ended        time.Time        `json:"ended,omitzero"`
	AudioMuted   bool             `json:"audio_muted"`
	VideoMuted   bool             `json:"video_muted"`
	Presenting   bool             `json:"presenting"`
	Entry        int              `json:"media_entry_id"`
	AudioCSRC    uint32           `json:"audio_csrc"`
	VideoCSRC    uint32           `json:"video_csrc"`
	Channels     []string         `json:"channels"`
	Messages     map[string]int   `json:"messages"` // by label and sender
	StatsUploads int              `json:"stats_uploads"`
	LastStats    map[string]any   `json:"last_stats,omitempty"`
	Views        []ViewState      `json:"views"`
	Transport    TransportState   `json:"transport"`
	Up           UplinkReport     `json:"up"`
	Down         DownlinkState    `json:"down"`
	Journal      []ChannelMessage `json:"journal,omitempty"`
}

// ViewState is one canvas of a client.
type ViewState struct {
	Canvas int    `json:"canvas"`
	Wanted string `json:"wanted"` // "1280x720"
	SSRC   uint32 `json:"ssrc,omitempty"`
	Shows  string `json:"shows,omitempty"` // the person's name
	Share  bool   `json:"share,omitempty"`
	Layer  int    `json:"layer"`
	Sent   int    `json:"frames"`
	Keys   int    `json:"keyframes"`
}

// TransportState is ICE, DTLS and RTCP of a client.
type TransportState struct {
	Pair      string  `json:"pair,omitempty"` // the client's address media goes to
	Checks    int     `json:"checks"`
	BadChecks int     `json:"bad_checks"`
	Restarts  int     `json:"restarts"`
	SRTP      string  `json:"srtp,omitempty"`
	DTLSError string  `json:"dtls_error,omitempty"`
	SetupMS   float64 `json:"setup_ms,omitempty"` // from the answer to the end of DTLS
	LostUp    int     `json:"lost_up"`            // by faults
	LostDown  int     `json:"lost_down"`
}

// DownlinkState is what was sent to a client, and what it said about it.
type DownlinkState struct {
	Bitrate      int           `json:"bitrate"`
	Budget       int           `json:"budget"`
	Nacked       int           `json:"nacked"`
	Resent       int           `json:"resent"`
	PLI          int           `json:"pli"`
	FIR          int           `json:"fir"`
	REMB         int           `json:"remb"`
	TWCC         int           `json:"twcc"`
	RTCP         int           `json:"rtcp"`
	BadRTCP      int           `json:"bad_rtcp"`
	Streams      []StreamState `json:"streams"`
	AudioCarries []string      `json:"audio_carries"` // by audio SSRC: whose voice
}

// StreamState is one SSRC down.
type StreamState struct {
	SSRC         uint32  `json:"ssrc"`
	Packets      uint32  `json:"packets"`
	Frames       int     `json:"frames,omitempty"`
	FractionLost float64 `json:"fraction_lost"` // as the client reported it
	Reported     bool    `json:"reported"`
}

// UplinkReport is what was received from a client.
type UplinkReport struct {
	Tracks        []TrackReport `json:"tracks"`
	BadPackets    int           `json:"bad_packets"` // not decrypted, or no RTP
	Unknown       int           `json:"unknown"`     // of no stream of the offer
	Policed       int           `json:"policed"`     // over the bit rate
	BeforeJoined  int           `json:"before_joined"`
	NotPresenting int           `json:"not_presenting"`
	Muted         int           `json:"muted"`
	Overrun       int           `json:"overrun"` // the simulator was too slow
}

// TrackReport is one stream up: "audio", the rid of a layer, or "content".
type TrackReport struct {
	Name            string          `json:"name"`
	Active          bool            `json:"active"` // something came within the last second
	SSRC            uint32          `json:"ssrc,omitempty"`
	RTX             uint32          `json:"rtx,omitempty"`
	Packets         int             `json:"packets"`
	Octets          int             `json:"octets"` // payload
	Lost            int             `json:"lost"`
	JitterMS        float64         `json:"jitter_ms"`
	Bitrate         int             `json:"bitrate"` // bit/s of the last second
	SenderReports   int             `json:"sender_reports"`
	Retransmitted   int             `json:"retransmitted"`
	Nacked          int             `json:"nacked"`
	Width           int             `json:"width,omitempty"`
	Height          int             `json:"height,omitempty"`
	FPS             float64         `json:"fps,omitempty"`
	Frames          int             `json:"frames,omitempty"`
	Decoded         int             `json:"decoded,omitempty"`
	DecodeErrors    int             `json:"decode_errors"`
	Keyframes       int             `json:"keyframes,omitempty"`
	KeyRequests     int             `json:"key_requests,omitempty"`
	KeyframeAfterMS float64         `json:"keyframe_after_ms,omitempty"` // the last request's
	FirstFrame      time.Time       `json:"first_frame,omitzero"`
	Colour          string          `json:"colour,omitempty"` // of most of the last picture
	AverageColour   string          `json:"average_colour,omitempty"`
	Level           float64         `json:"level,omitempty"`      // dBov, as the client says
	Tone            float64         `json:"tone,omitempty"`       // Hz, the longest
	ToneLevel       float64         `json:"tone_level,omitempty"` // dBFS of it
	Heard           []audio.Segment `json:"heard,omitempty"`
}

// Track is the report of one stream by name; its zero value if there is none.
func (u UplinkReport) Track(name string) TrackReport {
	i := slices.IndexFunc(u.Tracks, func(t TrackReport) bool { return t.Name == name })
	if i < 0 {
		return TrackReport{}
	}
	return u.Tracks[i]
}

// Device is a device by resource name or display name, present ones first.
func (m MeetingState) Device(name string) (DeviceState, bool) {
	for _, list := range [][]DeviceState{m.Devices, m.Past} {
		for _, d := range slices.Backward(list) {
			if d.Name == name || d.DisplayName == name {
				return d, true
			}
		}
	}
	return DeviceState{}, false
}

// State is everything the edge knows now.
func (s *Server) State() State {
	out := State{Edge: s.EdgeURL(), Media: s.MediaAddr(), Violations: s.Violations(), Counters: map[string]int{}}
	for _, m := range s.allMeetings() {
		out.Meetings = append(out.Meetings, m.state(false))
	}
	s.media.mu.Lock()
	out.Unverified = s.media.unverified
	s.media.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tokens {
		out.Tokens = append(out.Tokens, TokenState{t.Value[len(t.Value)-4:], t.Tenant, t.Type, t.Trusted, t.Revoked})
	}
	for _, f := range s.faults {
		out.Faults = append(out.Faults, *f)
	}
	for k, n := range s.counters {
		out.Counters[k] = n
	}
	return out
}

// Meeting is one meeting's state, with the devices' messages.
func (s *Server) Meeting(alias string) (MeetingState, error) {
	m := s.meeting(alias)
	if m == nil {
		return MeetingState{}, fmt.Errorf("there is no meeting %q", alias)
	}
	return m.state(true), nil
}

// WaitFor blocks until ok says that a meeting is as it should be. what is for the
// error, as in "two pictures".
func (s *Server) WaitFor(ctx context.Context, alias, what string, ok func(MeetingState) bool) (MeetingState, error) {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		st, err := s.Meeting(alias)
		if err != nil || ok(st) {
			return st, err
		}
		select {
		case <-ctx.Done():
			return st, fmt.Errorf("waiting for %s in meeting %s: %w", what, alias, ctx.Err())
		case <-ticker.C:
		}
	}
}

func (m *meeting) state(journal bool) MeetingState {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := MeetingState{
		Space: "spaces/" + m.id, PIN: m.pin, Code: m.code, Title: m.title, Tenant: m.tenant, Over: m.over, Started: m.start,
		Indicators: m.conf.Indicators, VideoLocked: m.conf.VideoLocked,
	}
	if x := m.memberLocked(m.loud.id); x != nil {
		out.Loudest = x.name
	}
	if m.presenter != nil {
		out.Presenter = m.presenter.name
	}
	for _, p := range m.people {
		out.People = append(out.People, PersonState{
			Name: p.name, Key: p.key(), Device: m.deviceName(p), Present: p.present, Talking: p.talking, AudioMuted: p.audioMuted,
			VideoMuted: p.videoMuted, Sharing: p.sharing, Colour: picture.Hex(p.colour), Tone: p.tone,
			AudioCSRC: p.audioCSRC(), VideoCSRC: p.videoCSRC(), ShareCSRC: p.shareCSRC(), Entry: p.entry(), ShareEntry: p.shareEntry(),
		})
	}
	for _, d := range m.devices {
		out.Devices = append(out.Devices, m.deviceStateLocked(d, journal))
	}
	for _, d := range m.past {
		out.Past = append(out.Past, m.deviceStateLocked(d, journal))
	}
	return out
}

func (m *meeting) deviceStateLocked(d *device, journal bool) DeviceState {
	out := DeviceState{
		Name: d.name, DisplayName: d.displayName, Kind: d.kind, Issuer: d.issuer, Trusted: d.trusted, State: d.state.String(),
		Reason: d.reason, Why: d.why, Created: d.created, Joined: d.joinedAt, Ended: d.ended, AudioMuted: d.audio || d.forced,
		VideoMuted: d.noCamera, StatsUploads: d.uploads, LastStats: d.lastStats, Messages: map[string]int{}, Up: d.session.in.Report(time.Now()),
	}
	if x := d.member; x != nil {
		out.Presenting, out.Entry, out.AudioCSRC, out.VideoCSRC = x.sharing, x.entry(), x.audioCSRC(), x.videoCSRC()
	}
	for label := range d.channels {
		out.Channels = append(out.Channels, label)
	}
	slices.Sort(out.Channels)
	for k, n := range d.sent {
		out.Messages[k] = n
	}
	if journal {
		out.Journal = slices.Clone(d.journal)
	}
	out.Transport, out.Down = d.session.state()
	for _, sl := range d.slots {
		name := ""
		if x := m.memberLocked(sl.id); x != nil {
			name = x.name
		}
		out.Down.AudioCarries = append(out.Down.AudioCarries, name)
	}
	for _, v := range d.video.views {
		out.Views = append(out.Views, m.viewStateLocked(d, v))
	}
	return out
}

func (m *meeting) viewStateLocked(d *device, v *view) ViewState {
	out := ViewState{Canvas: v.id, Wanted: fmt.Sprintf("%dx%d", v.width, v.height), Layer: v.layer, Share: v.key.share}
	if x := m.memberLocked(v.key.id); x != nil {
		out.Shows = x.name
	}
	if v.stream != nil {
		d.session.mu.Lock()
		out.SSRC, out.Sent, out.Keys = v.stream.ssrc, v.stream.frames, v.stream.keys
		d.session.mu.Unlock()
	}
	return out
}

func (s *session) state() (TransportState, DownlinkState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := TransportState{Checks: s.checks, BadChecks: s.badChecks, Restarts: s.restarts, SRTP: s.profile, DTLSError: s.dtlsError}
	if s.pair.IsValid() {
		t.Pair = s.pair.String()
	}
	if !s.secured.IsZero() {
		t.SetupMS = float64(s.secured.Sub(s.created).Microseconds()) / 1000
	}
	for w, n := range map[*way]*int{&s.upWay: &t.LostUp, &s.dnWay: &t.LostDown} {
		w.mu.Lock()
		*n = w.lost
		w.mu.Unlock()
	}
	o := &s.sender
	d := DownlinkState{
		Bitrate: o.rate, Budget: o.path.budget(), Nacked: o.nacked, Resent: o.resent, PLI: o.plis, FIR: o.firs,
		REMB: o.rembs, TWCC: o.twccs, RTCP: o.rtcpIn, BadRTCP: o.rtcpBad,
	}
	for _, st := range o.streams {
		rr, ok := o.remoteRR[st.ssrc]
		d.Streams = append(d.Streams, StreamState{st.ssrc, st.packets, st.frames, float64(rr.FractionLost) / 256, ok})
	}
	return t, d
}

// Picture is the last picture of a device's stream: the rid of a layer, or "content".
func (s *Server) Picture(alias, device, track string) (*image.YCbCr, error) {
	m := s.meeting(alias)
	if m == nil {
		return nil, fmt.Errorf("there is no meeting %q", alias)
	}
	m.mu.Lock()
	d := m.deviceLocked(device)
	if d == nil {
		for _, old := range m.past {
			if old.name == device || old.displayName == device {
				d = old
			}
		}
	}
	m.mu.Unlock()
	if d == nil {
		return nil, fmt.Errorf("there is no device %q in meeting %s", device, alias)
	}
	img := d.session.in.snapshot(track)
	if img == nil {
		return nil, fmt.Errorf("%s has sent no picture on %q", device, track)
	}
	return img, nil
}
