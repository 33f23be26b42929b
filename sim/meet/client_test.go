package meet

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
)

// room is a client of the contract: a video room behind a gateway.
type room struct {
	t       *testing.T
	s       *Server
	http    *http.Client
	id      identity
	pc      *webrtc.PeerConnection
	device  string
	answer  joinAnswer
	sdp     string
	audioUp *webrtc.TrackLocalStaticRTP
	layers  map[string]*webrtc.TrackLocalStaticRTP
	content *webrtc.TrackLocalStaticRTP
	mids    map[string]string // rid or "audio", "content" -> mid
	work    sync.WaitGroup
	ctx     context.Context
	// patience is how long to wait for something; two minutes by default.
	patience time.Duration

	mu       sync.Mutex // guards everything below
	channels map[string]*webrtc.DataChannel
	lastID   map[string]int
	messages map[string][]map[string]any
	heard    map[uint32]*heardStream
	closed   map[string]bool
	state    webrtc.PeerConnectionState
}

type roomOptions struct {
	name, kind, token string
	audios, videos    int
	noCamera, noVideo bool
	content           bool
	listener          bool // receive only, with the Media API's codecs
	mutate            func(sdp string) string
	network           func(*webrtc.SettingEngine)
}

func (o *roomOptions) defaults() {
	o.name, o.token = or(o.name, "Board room"), or(o.token, trustedToken)
	o.audios, o.videos = or(o.audios, 4), or(o.videos, 4)
	if o.kind == "PHONE" {
		o.noVideo = true
	}
}

var roomExtensions = map[webrtc.RTPCodecType][]string{
	webrtc.RTPCodecTypeAudio: {extLevel, extSendTime, extTWCC, extMID},
	webrtc.RTPCodecTypeVideo: {extSendTime, extTWCC, extMID, extRID, extRepairRID},
}

func newRoom(t *testing.T, s *Server, o roomOptions) *room {
	t.Helper()
	o.defaults()
	r := &room{
		t: t, s: s, http: httpClient(t, s), id: newIdentity(t, s, GatewayCert{}), mids: map[string]string{}, layers: map[string]*webrtc.TrackLocalStaticRTP{},
		channels: map[string]*webrtc.DataChannel{}, lastID: map[string]int{}, messages: map[string][]map[string]any{},
		heard: map[uint32]*heardStream{}, closed: map[string]bool{},
	}
	var cancel context.CancelFunc
	r.ctx, cancel = context.WithCancel(context.Background())
	r.build(o)
	t.Cleanup(func() {
		cancel()
		_ = r.pc.Close()
		r.work.Wait()
	})
	return r
}

func (r *room) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *room) build(o roomOptions) {
	r.t.Helper()
	me := &webrtc.MediaEngine{}
	r.must(me.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1",
	}, PayloadType: 111}, webrtc.RTPCodecTypeAudio))
	r.must(me.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeVP8, ClockRate: 90000,
		RTCPFeedback: []webrtc.RTCPFeedback{{Type: "ccm", Parameter: "fir"}, {Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "transport-cc"}, {Type: "goog-remb"}},
	}, PayloadType: 96}, webrtc.RTPCodecTypeVideo))
	r.must(me.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeRTX, ClockRate: 90000, SDPFmtpLine: "apt=96",
	}, PayloadType: 97}, webrtc.RTPCodecTypeVideo))
	if o.listener {
		for pt, mime := range map[webrtc.PayloadType]string{98: webrtc.MimeTypeVP9, 45: webrtc.MimeTypeAV1} {
			r.must(me.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 90000}, PayloadType: pt}, webrtc.RTPCodecTypeVideo))
		}
	}
	for kind, uris := range roomExtensions {
		for _, uri := range uris {
			r.must(me.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, kind))
		}
	}
	ir := &interceptor.Registry{}
	r.must(webrtc.ConfigureNack(me, ir))
	r.must(webrtc.ConfigureRTCPReports(ir))
	r.must(webrtc.ConfigureTWCCSender(me, ir))
	r.must(webrtc.ConfigureTWCCHeaderExtensionSender(me, ir))
	se := webrtc.SettingEngine{}
	se.SetIncludeLoopbackCandidate(true)
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	se.LoggerFactory = quiet{}
	if o.network != nil {
		o.network(&se)
	}
	var err error
	r.pc, err = webrtc.NewAPI(webrtc.WithMediaEngine(me), webrtc.WithInterceptorRegistry(ir), webrtc.WithSettingEngine(se)).NewPeerConnection(webrtc.Configuration{})
	r.must(err)
	r.pc.OnTrack(r.track)
	r.pc.OnConnectionStateChange(func(st webrtc.PeerConnectionState) { r.mu.Lock(); defer r.mu.Unlock(); r.state = st })
	r.sections(o)
	for _, label := range labels[interop] {
		if o.noVideo && label == chAssignment {
			continue
		}
		r.open(label)
	}
}

func (r *room) sections(o roomOptions) {
	var err error
	only := func(d webrtc.RTPTransceiverDirection) webrtc.RTPTransceiverInit {
		return webrtc.RTPTransceiverInit{Direction: d}
	}
	if o.listener {
		for range o.audios {
			_, err = r.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, only(webrtc.RTPTransceiverDirectionRecvonly))
			r.must(err)
		}
		for range o.videos {
			_, err = r.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, only(webrtc.RTPTransceiverDirectionRecvonly))
			r.must(err)
		}
		return
	}
	r.audioUp, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "voice", "room")
	r.must(err)
	_, err = r.pc.AddTransceiverFromTrack(r.audioUp, only(webrtc.RTPTransceiverDirectionSendonly))
	r.must(err)
	for range o.audios {
		_, err = r.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, only(webrtc.RTPTransceiverDirectionRecvonly))
		r.must(err)
	}
	if o.noVideo {
		return
	}
	if !o.noCamera {
		r.camera()
	}
	for range o.videos {
		_, err = r.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, only(webrtc.RTPTransceiverDirectionRecvonly))
		r.must(err)
	}
	if !o.content {
		return
	}
	r.content, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}, "screen", "screen")
	r.must(err)
	_, err = r.pc.AddTransceiverFromTrack(r.content, only(webrtc.RTPTransceiverDirectionSendonly))
	r.must(err)
	_, err = r.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, only(webrtc.RTPTransceiverDirectionRecvonly))
	r.must(err)
}

func (r *room) camera() {
	var sender *webrtc.RTPSender
	for _, rid := range []string{"l", "m", "h"} {
		track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}, "camera", "room", webrtc.WithRTPStreamID(rid))
		r.must(err)
		r.layers[rid] = track
		if sender == nil {
			tr, err := r.pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
			r.must(err)
			sender = tr.Sender()
			continue
		}
		r.must(sender.AddEncoding(track))
	}
}

func (r *room) open(label string) {
	dc, err := r.pc.CreateDataChannel(label, nil)
	r.must(err)
	r.channels[label] = dc
	dc.OnMessage(func(m webrtc.DataChannelMessage) {
		var v map[string]any
		if !m.IsString || json.Unmarshal(m.Data, &v) != nil {
			v = map[string]any{"bad": string(m.Data)}
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.messages[label] = append(r.messages[label], v)
	})
	dc.OnClose(func() { r.mu.Lock(); defer r.mu.Unlock(); r.closed[label] = true })
}

// offer is the SDP with the content sections marked.
func (r *room) offer(o roomOptions) string {
	r.t.Helper()
	gathered := webrtc.GatheringCompletePromise(r.pc)
	offer, err := r.pc.CreateOffer(nil)
	r.must(err)
	r.must(r.pc.SetLocalDescription(offer))
	select {
	case <-gathered:
	case <-soon(r.t).Done():
		r.t.Fatal("gathering takes too long")
	}
	text := r.pc.LocalDescription().SDP
	return mark(text, o)
}

// mark adds what pion does not write: a=content, and the order of the layers.
func mark(text string, o roomOptions) string {
	parts := strings.Split(text, "\r\nm=")
	if o.content {
		n := len(parts)
		last := n - 1
		if strings.HasPrefix(parts[last], "application") {
			last--
		}
		parts[last-1] += "\r\na=content:slides"
		parts[last] = strings.TrimSuffix(parts[last], "\r\n") + "\r\na=content:slides"
	}
	text = strings.Join(parts, "\r\nm=")
	if !strings.HasSuffix(text, "\r\n") {
		text += "\r\n"
	}
	if o.mutate != nil {
		text = o.mutate(text)
	}
	return text
}

func (r *room) joinURL() string { return r.s.EdgeURL() + "/v1/spaces/" + testPIN + ":join" }

// join makes the call and waits for the data channels.
func (r *room) join(o roomOptions) *room {
	r.t.Helper()
	o.defaults()
	r.sdp = r.offer(o)
	code, body, _ := ask(r.t, r.http, "POST", r.joinURL(), r.id.token(nil), o.token, joinRequest{Offer: r.sdp, DisplayName: o.name, Kind: o.kind, Device: r.device})
	if code != 200 {
		r.t.Fatalf("join: %d %s\n%s", code, body, r.sdp)
	}
	r.must(json.Unmarshal(body, &r.answer))
	r.device = r.answer.Device
	r.must(r.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: r.answer.Answer}))
	for _, tr := range r.pc.GetTransceivers() {
		if s := tr.Sender(); s != nil && s.Track() != nil {
			r.mids[s.Track().ID()] = tr.Mid()
			r.work.Go(func() {
				for buf := make([]byte, 1500); ; {
					if _, _, err := s.Read(buf); err != nil {
						return
					}
				}
			})
		}
	}
	return r
}

// enter is a room that has joined.
func enter(t *testing.T, s *Server, o roomOptions) *room {
	t.Helper()
	r := newRoom(t, s, o).join(o)
	r.until(chControl, "STATE_JOINED")
	return r
}

// until waits for a message that contains a text, and returns it.
func (r *room) until(label, text string) string {
	r.t.Helper()
	var found string
	r.wait(fmt.Sprintf("%q on %s", text, label), func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, m := range r.messages[label] {
			if b, _ := json.Marshal(m); strings.Contains(string(b), text) {
				found = string(b)
				return true
			}
		}
		return false
	})
	return found
}

func (r *room) wait(what string, ok func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.ctx, or(r.patience, 2*time.Minute))
	defer cancel()
	for tick := time.NewTicker(5 * time.Millisecond); !ok(); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			st, _ := r.s.Meeting(testPIN)
			b, _ := json.MarshalIndent(st, "", " ")
			r.mu.Lock()
			defer r.mu.Unlock()
			r.t.Fatalf("no %s\nstate %v\nmessages %v\n%.6000s\n%v", what, r.state, r.messages, b, r.s.Violations())
		}
	}
}

// request asks on a channel and waits for the response.
func (r *room) request(label, verb string, body any) map[string]any {
	r.t.Helper()
	r.mu.Lock()
	r.lastID[label]++
	id := r.lastID[label]
	dc := r.channels[label]
	r.mu.Unlock()
	b, _ := json.Marshal(map[string]any{"request": map[string]any{"requestId": id, verb: body}})
	r.wait(label+" open", func() bool { return dc.ReadyState() == webrtc.DataChannelStateOpen })
	r.must(dc.SendText(string(b)))
	return r.response(label, id)
}

func (r *room) response(label string, id int) map[string]any {
	r.t.Helper()
	var out map[string]any
	r.wait(fmt.Sprintf("response %d on %s", id, label), func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, m := range r.messages[label] {
			if resp, ok := m["response"].(map[string]any); ok && int(resp["requestId"].(float64)) == id {
				out = resp
				return true
			}
		}
		return false
	})
	return out
}

func statusOf(resp map[string]any) int {
	return int(resp["status"].(map[string]any)["code"].(float64))
}
