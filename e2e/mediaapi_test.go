//go:build peers

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	sim "tandem/sim/meet"
)

// listenerPage joins as Google's public client of the Media API does: the order of its
// transceivers and channels, no candidates in its offer, a POST without a Content-Type,
// one canvas for three streams.
const listenerPage = `<!doctype html><script>
const query = new URLSearchParams(location.search), seen = {states: [], people: [], statuses: [], error: "", tracks: 0, audio: 0, video: 0, assigned: 0, shown: 0, uploads: 0, loud: false}
const assigned = new Set(), sections = {codec: "codec", "candidate-pair": "candidate_pair", transport: "transport", "inbound-rtp": "inbound_rtp"}
const tell = () => fetch("/report", {method: "POST", body: JSON.stringify(seen)})
setInterval(tell, 200)
async function run() {
  const pc = new RTCPeerConnection({bundlePolicy: "max-bundle"})
  pc.ontrack = e => {
    seen.tracks++
    const media = document.createElement(e.track.kind)
    media.autoplay = true; media.muted = true; media.srcObject = new MediaStream([e.track])
    document.documentElement.append(media)
    setInterval(() => {
      for (const s of e.receiver.getContributingSources()) if (s.source === 42) seen.loud = true
      for (const s of e.receiver.getSynchronizationSources()) if (assigned.has(s.source)) seen.shown++ // whose picture it is
    }, 100)
  }
  for (let i = 0; i < 3; i++) pc.addTransceiver("audio", {direction: "recvonly"})
  const open = {}
  for (const label of ["session-control", "media-stats", "video-assignment", "media-entries", "participants"]) {
    const c = open[label] = pc.createDataChannel(label, {ordered: true, reliable: true})
    c.onmessage = e => {
      const m = JSON.parse(e.data)
      if (m.response && label === "media-stats" && m.response.status.code === 0) seen.uploads++
      if (m.response) seen.statuses.push(label + " " + (m.response.status ? m.response.status.code : 0))
      for (const r of m.resources || []) {
        if (r.sessionStatus) seen.states.push(r.sessionStatus.connectionState)
        if (r.participant) seen.people.push((r.participant.signedInUser || r.participant.anonymousUser || r.participant.phoneUser).displayName)
        if (r.videoAssignment) {
          const drawn = r.videoAssignment.canvases.filter(x => x.ssrc)
          seen.assigned = drawn.length
          for (const x of drawn) assigned.add(x.ssrc)
        }
        if (r.configuration) setInterval(() => upload(r.configuration.allowlist), r.configuration.uploadIntervalSeconds * 1000)
        if (r.sessionStatus && r.sessionStatus.connectionState === "STATE_JOINED") ask()
      }
    }
  }
  let uploads = 0
  const upload = async list => { // what the edge's list allows, keys in snake case
    const out = []
    for (const s of (await pc.getStats()).values()) {
      if (!list[s.type] || !sections[s.type]) continue
      const kept = {}
      for (const [k, v] of Object.entries(s)) if (k !== "id" && list[s.type].keys.includes(k)) kept[k.replace(/([A-Z])/g, "_$1").toLowerCase()] = v
      out.push({id: s.id, [sections[s.type]]: kept})
    }
    open["media-stats"].send(JSON.stringify({request: {requestId: ++uploads, uploadMediaStats: {sections: out}}}))
  }
  const ask = () => open["video-assignment"].send(JSON.stringify({request: {requestId: 1, setAssignment: {layoutModel: {label: "" + Date.now(),
    canvases: [1, 1, 1].map(id => ({id, dimensions: {height: 480, width: 640}, relevant: {}}))}, maxVideoResolution: {height: 1080, width: 1920, frameRate: 30}}}}))
  await pc.setLocalDescription(await pc.createOffer())
  for (let i = 0; i < 3; i++) pc.addTransceiver("video", {direction: "recvonly"})
  const offer = await pc.createOffer()
  await pc.setLocalDescription(offer)
  const r = await fetch(query.get("api") + "/v2beta/spaces/" + query.get("space") + ":connectActiveConference", {
    method: "POST", headers: {"Authorization": "Bearer " + query.get("token")}, body: JSON.stringify({offer: offer.sdp})})
  const answer = await r.json()
  if (!r.ok) { seen.error = answer.error.details[0].reason; return }
  await pc.setRemoteDescription({type: "answer", sdp: answer.answer})
  setInterval(async () => {
    for (const s of (await pc.getStats()).values()) {
      if (s.type === "inbound-rtp" && s.kind === "audio") seen.audio = Math.max(seen.audio, s.packetsReceived)
      if (s.type === "inbound-rtp" && s.kind === "video") seen.video = Math.max(seen.video, s.framesDecoded || 0)
    }
  }, 200)
  await new Promise(done => { const wait = setInterval(() => { if (seen.video > 10 && seen.audio > 10 && seen.loud && seen.shown && seen.uploads) { clearInterval(wait); done() } }, 100) })
  open["session-control"].send(JSON.stringify({request: {requestId: 1, leave: {}}}))
}
run().catch(e => seen.error = String(e))
</script>`

// listened is what the page reports.
type listened struct {
	States, People, Statuses []string
	Error                    string
	Tracks, Audio, Video     int
	Assigned, Shown, Uploads int
	Loud                     bool
}

// TestABrowserListensByTheMediaAPI has Chromium receive a simulated meeting by the public
// Media API.
func TestABrowserListensByTheMediaAPI(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	edge := &sim.Server{Config: sim.Config{Meetings: []sim.Meeting{{PIN: meetingPIN, ID: "jQCFfuBOdN5z", People: []sim.Person{
		{Name: "Ada Example", Colour: "#c03020", Tone: 400, Talking: true}, {Name: "Ben Example", Colour: "#2060c0"},
	}}}, Options: sim.Options{StatsInterval: time.Second}, Timing: unhurried}}
	if err := edge.Start(ctx); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = edge.Close() }()
	if err := edge.AddOAuthToken(sim.OAuthToken{Value: "ya29.example", Scopes: []string{"meetings.conference.media.readonly"}}); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ name, token, refusal string }{{"all", "ya29.example", ""}, {"a token nobody knows", "ya29.wrong", "UNAUTHENTICATED"}} {
		t.Run(row.name, func(t *testing.T) {
			l := openListener(t, edge.ControlURL(), row.token)
			v := l.wait(ctx, func(v listened) bool {
				return v.Error != "" || len(v.States) > 0 && v.States[len(v.States)-1] == "STATE_DISCONNECTED"
			})
			if row.refusal != "" {
				if v.Error != row.refusal {
					t.Errorf("%+v", v)
				}
				return
			}
			if !slices.Contains(v.States, "STATE_JOINED") || v.Error != "" || !slices.Contains(v.People, "Ada Example") ||
				v.Tracks != 6 || v.Audio < 10 || v.Video < 10 || v.Assigned != 1 || v.Shown == 0 || v.Uploads == 0 || !v.Loud || !slices.Contains(v.Statuses, "video-assignment 0") {
				t.Errorf("%+v", v)
			}
		})
	}
	for _, v := range edge.Violations() {
		if v.Action != "refused 401" {
			t.Errorf("the edge complains: %+v", v)
		}
	}
}

type listener struct {
	t    *testing.T
	mu   sync.Mutex // guards what follows
	last listened
}

func openListener(t *testing.T, api, token string) *listener {
	t.Helper()
	l := &listener{t: t}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(listenerPage))
	})
	mux.HandleFunc("POST /report", func(_ http.ResponseWriter, r *http.Request) {
		var now listened // not the last one, whose slices are being read
		if json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20)).Decode(&now) == nil {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.last = now
		}
	})
	page := httptest.NewServer(mux)
	t.Cleanup(page.Close)
	chromium(t, nil, page.URL+"/?space=jQCFfuBOdN5z&api="+api+"&token="+token)
	return l
}

func (l *listener) wait(ctx context.Context, ok func(listened) bool) listened {
	l.t.Helper()
	err := until(ctx, func() error {
		if !ok(l.now()) {
			return errors.New("the page is not done")
		}
		return nil
	})
	if err != nil {
		l.t.Fatalf("%v: %+v", err, l.now())
	}
	return l.now()
}

func (l *listener) now() listened {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}
