package meet

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"tandem/sim/picture"
	"tandem/sim/vp8"
)

const (
	trustedToken   = "trusted-token-0123456789"
	untrustedToken = "untrusted-token-0123456789"
	testPIN        = "1234567890123"
)

// newEdge is a running edge with one meeting.
func newEdge(t *testing.T, change func(*Config)) *Server {
	t.Helper()
	s := &Server{Config: Config{
		MediaPort: 0,
		Tokens: []AccessToken{
			{Value: trustedToken, Tenant: "example", Trusted: true},
			{Value: untrustedToken, Tenant: "example"},
			{Value: "of-another-tenant-012345", Tenant: "other", Trusted: true},
			{Value: "revoked-token-0123456789", Tenant: "example", Trusted: true, Revoked: true},
			{Value: "wrong-type-0123456789", Tenant: "example", Type: "cloud", Trusted: true},
		},
		Meetings: []Meeting{{PIN: testPIN, ID: "jQCFfuBOdN5z", Code: "abc-mnop-xyz", Title: "Weekly planning", Tenant: "example", People: []Person{
			{Name: "Ada", Colour: "#c03020", Tone: 400, Talking: true},
			{Name: "Bob", Colour: "#2060c0", Tone: 600},
		}}},
		Options: Options{FPS: 10},
	}}
	if change != nil {
		change(&s.Config)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// identity is a gateway that can sign tokens.
type identity struct {
	name  string
	key   *ecdsa.PrivateKey
	chain []string // base64 DER
}

func newIdentity(t *testing.T, s *Server, how GatewayCert) identity {
	t.Helper()
	g, err := s.NewGateway("gateway-1", how)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(g.KeyPEM)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	out := identity{name: g.Name, key: key.(*ecdsa.PrivateKey)}
	for rest := g.ChainPEM; ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			return out
		}
		out.chain = append(out.chain, base64.StdEncoding.EncodeToString(b.Bytes))
	}
}

// token makes a JWT; change may spoil header and claims.
func (i identity) token(change func(header, claims map[string]any)) string {
	now := time.Now().Unix()
	header := map[string]any{"alg": "ES256", "typ": "JWT", "x5c": i.chain}
	claims := map[string]any{"iss": i.name, "sub": i.name, "aud": Audience, "iat": now, "nbf": now, "exp": now + 600, "jti": rand.Text()}
	if change != nil {
		change(header, claims)
	}
	part := func(v any) string {
		b, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	signed := part(header) + "." + part(claims)
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, i.key, sum[:])
	if err != nil {
		return ""
	}
	sig := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return signed + "." + base64.RawURLEncoding.EncodeToString(sig)
}

// httpClient trusts the edge.
func httpClient(t *testing.T, s *Server) *http.Client {
	t.Helper()
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.CertPool(), MinVersion: tls.VersionTLS12}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// ask makes one request of the edge's API.
func ask(t *testing.T, c *http.Client, method, url, jwt, access string, body any) (int, []byte, http.Header) {
	t.Helper()
	b, _ := json.Marshal(body)
	if text, ok := body.(string); ok {
		b = []byte(text)
	}
	r, err := http.NewRequestWithContext(soon(t), method, url, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if jwt != "" {
		r.Header.Set("Authorization", "Bearer "+jwt)
	}
	if access != "" {
		r.Header.Set("Meet-Access-Token", access)
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, out, resp.Header
}

func reasonOf(body []byte) (Reason, string) {
	var e struct {
		Error struct {
			Details []struct {
				Reason   Reason
				Metadata map[string]string
			}
		}
	}
	if json.Unmarshal(body, &e) != nil || len(e.Error.Details) == 0 {
		return "", ""
	}
	return e.Error.Details[0].Reason, e.Error.Details[0].Metadata["rule"]
}

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

	mu       sync.Mutex // guards everything below
	channels map[string]*webrtc.DataChannel
	lastID   map[string]int
	messages map[string][]map[string]any
	heard    map[uint32]*heardStream
	closed   map[string]bool
	state    webrtc.PeerConnectionState
}

// heardStream is what came on one SSRC.
type heardStream struct {
	kind      string
	packets   int
	csrcs     map[uint32]int
	lastSeq   uint16
	gaps      int
	jumps     int // of the timestamp
	lastTS    uint32
	asm       assembler
	frames    int
	keys      int
	pictures  map[uint32]string // by CSRC: the colour last seen
	sizes     map[string]int
	lastFrame time.Time
	errors    int
}

type roomOptions struct {
	name, kind, token string
	audios, videos    int
	noCamera, noVideo bool
	content           bool
	mutate            func(sdp string) string
	network           func(*webrtc.SettingEngine)
	early             bool // do not wait for the channels
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
	ctx := soon(r.t)
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

// track reads one remote stream.
func (r *room) track(tr *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
	h := &heardStream{kind: tr.Kind().String(), csrcs: map[uint32]int{}, pictures: map[uint32]string{}, sizes: map[string]int{}}
	r.mu.Lock()
	r.heard[uint32(tr.SSRC())] = h
	r.mu.Unlock()
	r.work.Go(func() {
		decoder, err := vp8.NewDecoder()
		if err != nil {
			return
		}
		defer decoder.Close()
		for {
			p, _, err := tr.ReadRTP()
			if err != nil {
				return
			}
			r.mu.Lock()
			h.packets++
			if len(p.Payload) > 0 && len(p.CSRC) > 0 {
				h.take(p.SequenceNumber, p.Timestamp)
				for _, c := range p.CSRC {
					h.csrcs[c]++
				}
				if h.kind == "video" {
					frames, _ := h.asm.push(p.Clone(), time.Now())
					for _, f := range frames {
						h.show(decoder, f, p.CSRC[0])
					}
				}
			}
			r.mu.Unlock()
		}
	})
}

func (h *heardStream) take(seq uint16, ts uint32) {
	if h.packets > 1 && seq != h.lastSeq+1 {
		h.gaps++
	}
	if d := int32(ts - h.lastTS); h.packets > 1 && (d < 0 || d > 90000*2) {
		h.jumps++
	}
	h.lastSeq, h.lastTS = seq, ts
}

func (h *heardStream) show(d *vp8.Decoder, f frame, csrc uint32) {
	img, err := d.Decode(f.data, nil)
	if err != nil {
		h.errors++
		return
	}
	h.frames++
	h.lastFrame = time.Now()
	if f.key {
		h.keys++
	}
	h.pictures[csrc] = picture.Hex(picture.Common(img))
	h.sizes[fmt.Sprintf("%dx%d", img.Bounds().Dx(), img.Bounds().Dy())]++
}

// stream is a copy of what came on an SSRC.
func (r *room) stream(ssrc uint32) heardStream {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.heard[ssrc]
	if h == nil {
		return heardStream{}
	}
	out := *h
	out.csrcs, out.pictures, out.sizes = map[uint32]int{}, map[uint32]string{}, map[string]int{}
	for k, v := range h.csrcs {
		out.csrcs[k] = v
	}
	for k, v := range h.pictures {
		out.pictures[k] = v
	}
	for k, v := range h.sizes {
		out.sizes[k] = v
	}
	return out
}

func pli(ssrc uint32) []rtcp.Packet {
	return []rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: ssrc}}
}

func remb(ssrc uint32, bitrate float32) []rtcp.Packet {
	return []rtcp.Packet{&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: bitrate, SSRCs: []uint32{ssrc}}}
}

// rsaToken is a gateway token signed with RS256.
func rsaToken(s *Server) (string, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", err
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "rsa-gateway"}}, key)
	if err != nil {
		return "", err
	}
	chain, err := s.SignGateway(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr}), GatewayCert{})
	if err != nil {
		return "", err
	}
	leaf, _ := pem.Decode(chain)
	part := func(v any) string {
		b, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	now := time.Now().Unix()
	signed := part(map[string]any{"alg": "RS256", "x5c": []string{base64.StdEncoding.EncodeToString(leaf.Bytes)}}) + "." +
		part(map[string]any{"iss": "rsa-gateway", "aud": Audience, "iat": now, "exp": now + 60})
	sum := sha256.Sum256([]byte(signed))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	return signed + "." + base64.RawURLEncoding.EncodeToString(sig), err
}
