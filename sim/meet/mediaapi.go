package meet

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// OAuthToken is an access token of the Media API (section 10 of the contract).
type OAuthToken struct {
	Value string `json:"value"`
	// Scopes are the last parts of …/auth/: "meetings.conference.media.readonly",
	// "….media.audio.readonly", "….media.video.readonly".
	Scopes []string `json:"scopes"`
}

const scopeMedia = "meetings.conference.media."

// AddOAuthToken adds an access token of the Media API.
func (s *Server) AddOAuthToken(t OAuthToken) error {
	if t.Value == "" {
		return errors.New("the OAuth token is empty")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.oauth[t.Value] = t
	return nil
}

// has reports whether the token lets a kind of media through.
func (t OAuthToken) has(kind string) bool {
	return slices.ContainsFunc(t.Scopes, func(sc string) bool {
		sc = strings.TrimPrefix(sc, "https://www.googleapis.com/auth/")
		return sc == scopeMedia+"readonly" || sc == scopeMedia+kind+".readonly"
	})
}

func (s *Server) oauthToken(r *http.Request) (OAuthToken, *refusal) {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.oauth[value]
	switch {
	case !strings.EqualFold(scheme, "Bearer") || !ok:
		return t, refused(Unauthenticated, "")
	case !t.has("audio") && !t.has("video"):
		return t, refused(ScopeMissing, "")
	}
	return t, nil
}

// connectActive is connectActiveConference of the public Media API.
func (s *Server) connectActive(r *http.Request) (any, *refusal) {
	alias, verb, _ := strings.Cut(r.PathValue("action"), ":")
	t, no := s.oauthToken(r)
	if no != nil {
		return nil, no
	}
	if verb != "connectActiveConference" {
		return nil, refused(InvalidRequest, "the verb %q is unknown", verb)
	}
	var in struct {
		Offer  string `json:"offer"`
		Config struct {
			ConfirmationTimeout string `json:"confirmationTimeout"`
		} `json:"config"`
	}
	if no := readBody(r, &in); no != nil {
		return nil, no
	}
	wait, no := confirmation(in.Config.ConfirmationTimeout)
	if no != nil {
		return nil, no
	}
	m := s.meeting(alias)
	if m == nil {
		return nil, refused(MeetingNotFound, "")
	}
	offer, no := parseSDP(in.Offer)
	if no == nil {
		no = offer.check(mediaAPI, 3)
	}
	if no != nil {
		return nil, no
	}
	d := s.newDevice(m, offer, mediaAPI)
	d.displayName, d.kind, d.token, d.remote, d.noVideo = "Media API client", "MEDIA_API", t.Value, r.RemoteAddr, !t.has("video")
	if d.noVideo {
		d.cameras = nil
	}
	out, no := m.connect(d, wait)
	if no != nil {
		d.session.cancel()
		return nil, no
	}
	return out, nil
}

// confirmation is how long the consent prompt stays: at most 5 minutes.
func confirmation(text string) (time.Duration, *refusal) {
	if text == "" {
		return time.Minute, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > 5*time.Minute || !strings.HasSuffix(text, "s") {
		return 0, refused(InvalidRequest, "config.confirmationTimeout %q: want a duration of at most 300s", text)
	}
	return d, nil
}

// connect checks the meeting's conditions for Media API clients.
func (m *meeting) connect(d *device, wait time.Duration) (joinAnswer, *refusal) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.lastDevice++
	d.name = fmt.Sprintf("spaces/%s/mediaClients/%d", m.id, m.lastDevice)
	if f, on := m.srv.fault(JoinRefused, d); on {
		return joinAnswer{}, refused(f.Reason, "")
	}
	exhausted := slices.ContainsFunc(m.devices, func(o *device) bool { return o.profile == mediaAPI }) ||
		!m.clientGone.IsZero() && now.Sub(m.clientGone) < m.srv.cfg.Timing.Exhausted
	switch {
	case m.over || len(m.members) == 0:
		return joinAnswer{}, refused(NoActiveConference, "")
	case m.conf.Refuse != "":
		return joinAnswer{}, refused(m.conf.Refuse, "")
	case exhausted:
		no := refused(Exhausted, "")
		no.retry = m.srv.cfg.Timing.Exhausted
		return joinAnswer{}, no
	}
	m.lastNumber++
	d.number = m.lastNumber
	d.lobby = lobby{since: now, until: now.Add(wait)}
	switch m.conf.Consent {
	case "", "auto":
		d.admitted = true
	case "denied":
		d.lobby.until = now
	}
	out := joinAnswer{Answer: d.answer(), TraceID: rand.Text()[:16]}
	m.takeInLocked(d)
	return out, nil
}
