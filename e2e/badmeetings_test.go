package e2e

import (
	"context"
	"errors"
	"image/color"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tandem/call"
	"tandem/config"
	"tandem/internal/stage"
	"tandem/leg/meet"
	"tandem/route"
	sim "tandem/sim/meet"
	"tandem/sim/phone"
	"tandem/sim/room"
	"tandem/token"
)

// trouble is one thing that can go wrong on the way into a meeting, or in it, and what
// the caller gets.
type trouble struct {
	name   string
	dial   string
	room   bool                  // a room calls, with a camera; else a telephone
	before func(*troubled) error // may be nil
	during func(*troubled) error // makes trouble in mid-call; nil: the call is refused
	status int                   // of a refusal
	reason string                // begins the Reason header of the BYE
	cause  call.Cause
}

// troubled is a stage with meetings, access tokens and gateway tokens to fail with.
type troubled struct {
	*stage.Stage
	t              *testing.T
	ctx            context.Context
	kitchen, board *phone.Phone
}

const (
	fullPIN   = "1234567890130"
	tokenPIN  = "1234567890131" // the token that lets in here is revoked in mid-call
	lockedPIN = "1234567890132"
)

// accessTokens are dialled by their number before the PIN.
var accessTokens = [...]sim.AccessToken{
	{Value: "trusted-token-0123456789", Tenant: "example", Trusted: true},
	{Value: "revoked-token-0123456789", Tenant: "example", Trusted: true, Revoked: true},
	{Value: "wrong-type-token-0123456789", Tenant: "example", Type: "another", Trusted: true},
	{Value: "doomed-token-0123456789", Tenant: "example", Trusted: true},
}

const unknownToken = "unknown-token-0123456789"

func newTroubled(ctx context.Context, t *testing.T) *troubled {
	t.Helper()
	m := meetings()
	m.Tokens = accessTokens[:]
	ada := sim.Person{Name: "Ada Example", Colour: "#c03020", Tone: 700, Talking: true}
	for _, pin := range []string{fullPIN, tokenPIN, lockedPIN} {
		m.Meetings = append(m.Meetings, sim.Meeting{PIN: pin, Tenant: "example", People: []sim.Person{ada}})
	}
	m.Meetings[len(m.Meetings)-3].MaxParticipants = 1
	st := openMeetings(ctx, t, m, func(c *config.Config) {
		c.Meet.Tokens = []token.Access{{Name: stage.Trusted, Secret: token.Secret(accessTokens[0].Value), Tenant: "example", Trusted: true}}
		add := func(key, name, secret string) {
			c.Meet.Tokens = append(c.Meet.Tokens, token.Access{Name: name, Secret: token.Secret(secret), Tenant: "example"})
			c.DialPlan.Rules = append(c.DialPlan.Rules, route.RuleConfig{Name: name, Match: key + `(\d{13})`, Replace: "$1", To: []route.Target{{Meet: name}}})
		}
		c.DialPlan.Rules = c.DialPlan.Rules[:1]
		for i, a := range accessTokens[1:] {
			add(strconv.Itoa(i+1), "token "+strconv.Itoa(i+1), a.Value)
		}
		add("9", "unknown", unknownToken)
	})
	s := &troubled{Stage: st, t: t, ctx: ctx}
	s.board = videoRoom(ctx, t, st, stage.Board, room.Config{Video: []string{"VP8"}, FPS: 10, Name: "BOARD", Colour: color.RGBA{0x20, 0x90, 0x90, 0xff}})
	var err error
	if s.kitchen, err = st.Phone(ctx, stage.Kitchen, func(c *phone.Config) { c.Tone = 440 }); err != nil {
		t.Fatal(err)
	}
	return s
}

// certified gives the gateway a certificate.
func certified(how sim.GatewayCert) func(*troubled) error {
	return func(s *troubled) error {
		dir, _, err := s.install(how)
		if err != nil {
			return err
		}
		return s.way(func(c *meet.Config) { c.Gateway = dir })
	}
}

// install puts a certificate into a new folder.
func (s *troubled) install(how sim.GatewayCert) (dir string, csr []byte, err error) {
	g := &token.Gateway{Dir: filepath.Join(s.t.TempDir(), "gateway")}
	if csr, err = g.Request("gateway.tandem.example", false); err != nil {
		return "", nil, err
	}
	chain, err := s.Meetings.SignGateway(csr, how)
	if err != nil {
		return "", nil, err
	}
	_, err = g.Install(chain, true)
	return g.Dir, csr, err
}

// gatewayOfYesterday gives the gateway a certificate that has expired. Such a one cannot
// be installed, so it takes the place of a good one in its folder.
func gatewayOfYesterday(s *troubled) error {
	dir, csr, err := s.install(sim.GatewayCert{})
	if err != nil {
		return err
	}
	now := time.Now()
	chain, err := s.Meetings.SignGateway(csr, sim.GatewayCert{NotBefore: now.Add(-2 * time.Hour), NotAfter: now.Add(-time.Hour)})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "active.pem"), chain, 0o600); err != nil {
		return err
	}
	return s.way(func(c *meet.Config) { c.Gateway = dir })
}

// way changes the way to the meeting service.
func (s *troubled) way(change func(*meet.Config)) error {
	c := *s.Config
	change(&c.Meet)
	return s.Gateway.Apply(&c)
}

// strangersRoots trusts an authority that did not sign the edge's certificate.
func strangersRoots(s *troubled) error {
	other := &sim.Server{}
	if err := other.Start(s.ctx); err != nil {
		return err
	}
	roots := filepath.Join(s.t.TempDir(), "other.pem")
	err := os.WriteFile(roots, other.CAPEM(), 0o600)
	if err := errors.Join(err, other.Close()); err != nil {
		return err
	}
	return s.way(func(c *meet.Config) { c.Roots = roots })
}

func edgeFault(f sim.Fault) func(*troubled) error {
	return func(s *troubled) error { return s.Meetings.SetFault(f) }
}

// What the caller gets when something is wrong: the SIP status or the Reason, the cause
// in the record, and the sentence a person reads.
func TestTroubleWithMeetingsIsToldToTheCaller(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	s := newTroubled(ctx, t)
	for _, row := range []trouble{
		{name: "no such meeting", dial: "9999999999999", status: 404, cause: call.MeetingUnknown},
		{name: "the meeting is over", dial: "1234567890127", status: 480, cause: call.MeetingOver},
		{name: "the meeting is full", dial: fullPIN, status: 486, cause: call.MeetingFull},
		{name: "no video wanted", dial: "1234567890128", room: true, status: 480, cause: call.VideoRefused},
		{name: "access token unknown", dial: "9" + meetingPIN, status: 503, cause: call.CredentialsWrong},
		{name: "access token revoked", dial: "1" + meetingPIN, status: 503, cause: call.CredentialsWrong},
		{name: "access token of another type", dial: "2" + meetingPIN, status: 503, cause: call.CredentialsWrong},
		{name: "gateway token expired for the service", dial: meetingPIN, before: edgeFault(sim.Fault{Kind: sim.HTTPStatus, Status: 401, Reason: sim.TokenExpired}), status: 503, cause: call.CredentialsWrong},
		{name: "gateway token not yet valid for the service", dial: meetingPIN, before: edgeFault(sim.Fault{Kind: sim.HTTPStatus, Status: 401, Reason: sim.TokenNotYetValid}), status: 503, cause: call.CredentialsWrong},
		{name: "gateway certificate of a stranger", dial: meetingPIN, before: certified(sim.GatewayCert{Stranger: true}), status: 503, cause: call.CredentialsWrong},
		{name: "gateway certificate expired", dial: meetingPIN, before: gatewayOfYesterday, status: 503, cause: call.CredentialsWrong},
		{name: "gateway certificate not yet valid", dial: meetingPIN, before: certified(sim.GatewayCert{NotBefore: time.Now().Add(time.Hour)}), status: 503, cause: call.CredentialsWrong},
		{name: "edge certificate of a stranger", dial: meetingPIN, before: strangersRoots, status: 503, cause: call.Unavailable},
		{name: "the service is down", dial: meetingPIN, before: edgeFault(sim.Fault{Kind: sim.HTTPStatus, Status: 500}), status: 503, cause: call.Unavailable},
		{
			name: "access token revoked in mid-call", dial: "3" + tokenPIN, cause: call.CredentialsWrong, reason: "Q.850;cause=41",
			during: func(s *troubled) error { return s.Meetings.RevokeToken(accessTokens[3].Value) },
		},
		{
			name: "the host turns video off", dial: lockedPIN, room: true, cause: call.VideoRefused, reason: "Q.850;cause=21",
			during: func(s *troubled) error { return s.Meetings.LockVideo(lockedPIN, true) },
		},
		{
			name: "dropped without a word", dial: meetingPIN, cause: call.NetworkFailure, reason: "Q.850;cause=38",
			during: edgeFault(sim.Fault{Kind: sim.SessionDrop}),
		},
	} {
		t.Run(row.name, func(t *testing.T) { s.play(t, &row) })
	}
}

// A path that dies is tried to be mended for 20 s, then the call ends.
func TestADeadPathToTheMeetingEndsTheCall(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	newTroubled(ctx, t).play(t, &trouble{
		dial: meetingPIN, cause: call.NetworkFailure, reason: "Q.850;cause=38", during: edgeFault(sim.Fault{Kind: sim.ICEDead}),
	})
}

func (s *troubled) play(t *testing.T, row *trouble) {
	if row.before != nil {
		if err := row.before(s); err != nil {
			t.Fatal(err)
		}
	}
	defer func() {
		s.Meetings.ClearFaults()
		if err := s.way(func(*meet.Config) {}); err != nil {
			t.Error(err)
		}
	}()
	p := s.kitchen
	if row.room {
		p = s.board
	}
	c, err := p.Call(s.ctx, row.dial)
	if err != nil {
		t.Fatal(err)
	}
	if row.during != nil {
		if err := errors.Join(c.WaitAnswered(s.ctx), row.during(s)); err != nil {
			t.Fatal(err)
		}
	}
	rep, err := c.Wait(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if row.during == nil && rep.Status != row.status {
		t.Errorf("%d %s, want %d", rep.Status, rep.Reason, row.status)
	}
	last := rep.Ladder[0].Raw
	for _, e := range rep.Ladder {
		if strings.HasPrefix(e.Raw, "BYE ") || strings.HasPrefix(e.Raw, "SIP/2.0 "+strconv.Itoa(row.status)) {
			last = e.Raw
		}
	}
	if !strings.Contains(last, row.cause.Sentence()) || !strings.Contains(last, row.reason) {
		t.Errorf("the caller does not read %q (%s):\n%s", row.cause.Sentence(), row.reason, last)
	}
	if err := (&story{Stage: s.Stage}).record(s.ctx, []string{"cause=" + row.cause.String()}); err != nil {
		t.Error(err)
	}
}

// What a bad network does not end.
func TestATelephoneStaysInTheMeetingOverABadNetwork(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	s := newTroubled(ctx, t)
	c, err := s.kitchen.Call(ctx, meetingPIN)
	if err := errors.Join(err, c.WaitAnswered(ctx)); err != nil {
		t.Fatal(err)
	}
	for _, f := range []sim.Fault{
		{Kind: sim.Loss, Percent: 1},
		{Kind: sim.Loss, Percent: 5},
		{Kind: sim.Loss, Percent: 20},
		{Kind: sim.Reorder, Percent: 20},
	} {
		if err := s.Meetings.SetFault(f); err != nil {
			t.Fatal(err)
		}
		played := &story{Stage: s.Stage, calls: map[string]*phone.Call{"kitchen": c}}
		for range 2 {
			if err := errors.Join(played.hears(ctx, []string{"kitchen", "700"}), played.meet(ctx, []string{meetingPIN, "hears", "440"})); err != nil {
				t.Errorf("%s %v: %v", f.Kind, f.Percent, err)
			}
		}
		s.Meetings.ClearFaults()
	}
	if err := c.HangUp(ctx); err != nil {
		t.Error(err)
	}
}
