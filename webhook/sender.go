package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"tandem/alarm"
	"tandem/internal/public"
	"tandem/token"
)

const (
	tryTime   = 10 * time.Second // for one try
	queueMost = 1000             // letters that wait for one hook; then the newest is counted and dropped
	maxTries  = 8
	firstWait = 2 * time.Second // before the second try; then twice as long each time
	mostWait  = 10 * time.Minute
	keepDead  = 30 * 24 * time.Hour
	refresh   = 15 * time.Second // another node may have changed a hook
	maxReply  = 64 << 10         // octets of an answer that are read
)

// A Sender delivers events to the hooks of a book. Fill in Book and Log; Run delivers.
type Sender struct {
	Book *Book
	Log  *slog.Logger
	Node string // in every envelope
	// Alarms is told when a hook does not take what it is sent; may be nil.
	Alarms Alarms
	// Keep is how long letters are kept that nobody took; nil is 30 days.
	Keep func() time.Duration

	mu      sync.Mutex // guards what follows
	hooks   []Hook
	lines   map[string]*line
	dropped uint64
	changed chan struct{}
	work    sync.WaitGroup
}

// Alarms is what the sender uses of an alarm board.
type Alarms interface {
	Raise(alarm.Alarm)
	Clear(key string)
}

// line is the letters of one hook, delivered in order.
type line struct {
	queue chan Letter
	seq   uint64 // of the newest; guarded by the sender's mu
	stop  context.CancelFunc
}

// envelope is what is sent. Its first six fields are those of the event sinks that
// administrators of video systems know.
type envelope struct {
	Node    string          `json:"node"`
	Seq     uint64          `json:"seq"` // of this hook on this node, from 1 at every start
	Version int             `json:"version"`
	Time    float64         `json:"time"` // seconds since 1970
	Event   string          `json:"event"`
	Data    json.RawMessage `json:"data"`
	ID      string          `json:"id"` // the same for every try
}

// Publish tells the hooks that want to hear it. It does not block: what is too much
// for a hook is counted and dropped.
func (s *Sender) Publish(event string, data any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var text json.RawMessage
	for i := range s.hooks {
		h := &s.hooks[i]
		l := s.lines[h.Name]
		if !h.wants(event) || l == nil {
			continue
		}
		if text == nil {
			var err error
			if text, err = json.Marshal(data); err != nil {
				s.Log.Error("event not sent to webhooks", "event", event, "err", err)
				return
			}
		}
		l.seq++
		select {
		case l.queue <- s.letter(h.Name, l.seq, event, text):
		default:
			s.dropped++
		}
	}
}

func (s *Sender) letter(hook string, seq uint64, event string, data json.RawMessage) Letter {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	now := time.Now().UTC()
	e := envelope{
		Node: s.Node, Seq: seq, Version: 1, Time: float64(now.UnixMicro()) / 1e6, Event: event, Data: data, ID: hex.EncodeToString(b[:]),
	}
	text, _ := json.Marshal(e) // it holds nothing that can fail
	return Letter{ID: e.ID, Hook: hook, Event: event, At: now, Body: text}
}

// Dropped counts events that were too many for a hook.
func (s *Sender) Dropped() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped
}

// Reload looks at the hooks again; call it when one was changed.
func (s *Sender) Reload() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.changedLocked() <- struct{}{}:
	default:
	}
}

func (s *Sender) changedLocked() chan struct{} {
	if s.changed == nil {
		s.changed = make(chan struct{}, 1)
	}
	return s.changed
}

// Run delivers until ctx is done. What is then on its way is given up.
func (s *Sender) Run(ctx context.Context) error {
	s.mu.Lock()
	changed := s.changedLocked()
	s.mu.Unlock()
	every, tidy := time.NewTicker(refresh), time.NewTicker(time.Hour)
	defer every.Stop()
	defer tidy.Stop()
	for {
		if err := s.load(ctx); err != nil && ctx.Err() == nil {
			s.Log.Warn("webhooks cannot be read, those known before go on", "err", err)
		}
		select {
		case <-ctx.Done():
			s.work.Wait()
			return nil
		case <-changed:
		case <-every.C:
		case <-tidy.C:
			if err := s.Book.Forget(ctx, time.Now().Add(-s.kept())); err != nil && ctx.Err() == nil {
				s.Log.Warn("old undelivered webhooks were not removed", "err", err)
			}
		}
	}
}

func (s *Sender) kept() time.Duration {
	if s.Keep == nil {
		return keepDead
	}
	return s.Keep()
}

// Again puts a letter that its hook never took back on its way, as if it were new. It
// stays among the dead until it is taken, so that no end of the gateway loses it.
func (s *Sender) Again(ctx context.Context, hook, id string) error {
	l, err := s.Book.Letter(ctx, hook, id)
	if err != nil {
		return err
	}
	s.mu.Lock()
	line := s.lines[hook]
	s.mu.Unlock()
	if line == nil {
		return ErrOff
	}
	l.Tries, l.Error, l.again = 0, "", true
	select {
	case line.queue <- l:
		return nil
	default:
		return ErrFull
	}
}

// load starts and stops lines as the hooks in the store want it.
func (s *Sender) load(ctx context.Context) error {
	items, err := s.Book.All(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lines == nil {
		s.lines = make(map[string]*line)
	}
	s.hooks = s.hooks[:0:0]
	there := make(map[string]bool)
	for _, item := range items {
		s.hooks = append(s.hooks, item.Value)
		there[item.Key] = item.Value.Enabled
		if item.Value.Enabled && s.lines[item.Key] == nil {
			s.startLocked(ctx, item.Key)
		}
	}
	for name, l := range s.lines {
		if !there[name] {
			l.stop()
			delete(s.lines, name)
			s.clear(name)
		}
	}
	return nil
}

func (s *Sender) startLocked(ctx context.Context, name string) {
	ctx, stop := context.WithCancel(ctx)
	l := &line{queue: make(chan Letter, queueMost), stop: stop}
	s.lines[name] = l
	s.work.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case letter := <-l.queue:
				s.deliver(ctx, letter)
			}
		}
	})
}

// deliver tries until the letter is taken, or too often.
func (s *Sender) deliver(ctx context.Context, l Letter) {
	wait := firstWait
	for l.Tries < maxTries {
		l.Tries++
		status, err := s.try(ctx, l)
		if err == nil {
			s.clear(l.Hook)
			s.taken(ctx, l)
			return
		}
		l.Error = err.Error()
		s.Log.Info("webhook not delivered", "hook", l.Hook, "event", l.Event, "try", l.Tries, "err", err)
		if ctx.Err() != nil || errors.Is(err, ErrNotFound) || errors.Is(err, public.ErrPrivate) || final(status) {
			break
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
		wait = min(2*wait, mostWait)
	}
	if ctx.Err() == nil {
		s.raise(l)
	}
	bury, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	s.Book.bury(bury, l, s.Log)
}

// taken forgets a letter that was among the dead.
func (s *Sender) taken(ctx context.Context, l Letter) {
	if !l.again {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := s.Book.Drop(ctx, l.Hook, l.ID); err != nil && !errors.Is(err, ErrNotFound) {
		s.Log.Warn("a webhook was delivered again, and is still listed as undelivered", "hook", l.Hook, "event", l.Event, "err", err)
	}
}

func (s *Sender) raise(l Letter) {
	if s.Alarms != nil {
		s.Alarms.Raise(alarm.Alarm{
			Key: "webhook/" + l.Hook, Severity: alarm.Warning, Title: "A webhook does not take its events", Subject: l.Hook, Detail: l.Error,
			Do: "See whether its receiver runs and what it answers; send it a test. What was not delivered is kept for 30 days.",
		})
	}
}

func (s *Sender) clear(hook string) {
	if s.Alarms != nil {
		s.Alarms.Clear("webhook/" + hook)
	}
}

// final reports whether trying again would be of no use.
func final(status int) bool {
	return status >= 300 && status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests && status != http.StatusConflict
}

// try sends a letter once. The hook is read each time: it may have been mended.
func (s *Sender) try(ctx context.Context, l Letter) (status int, err error) {
	h, _, err := s.Book.Get(ctx, l.Hook)
	if err != nil {
		return 0, err
	}
	return post(ctx, h, l)
}

// Test sends a hook one event of its own, once.
func (s *Sender) Test(ctx context.Context, name string) (status int, err error) {
	h, _, err := s.Book.Get(ctx, name)
	if err != nil {
		return 0, err
	}
	return post(ctx, h, s.letter(name, 0, "test", json.RawMessage(`{"text":"This is a test."}`)))
}

func post(ctx context.Context, h Hook, l Letter) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(l.Body))
	if err != nil {
		return 0, err
	}
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Tandem-Webhook/1")
	req.Header.Set("Tandem-Event", l.Event)
	req.Header.Set("Tandem-Delivery", l.ID)
	req.Header.Set("Tandem-Timestamp", stamp)
	req.Header.Set("Tandem-Signature", "sha256="+Sign(h.Secret, stamp, l.Body))
	client := newClient(!h.Private)
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("no answer: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxReply))
	switch {
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return resp.StatusCode, fmt.Errorf("the receiver answered %s; redirections are not followed, enter the address itself", resp.Status)
	case resp.StatusCode >= 400:
		return resp.StatusCode, fmt.Errorf("the receiver answered %s", resp.Status)
	}
	return resp.StatusCode, nil
}

// Sign is the signature of a delivery: HMAC-SHA256, in hexadecimal, over the
// timestamp, a dot and the body. A receiver computes it again, compares, and refuses
// timestamps that are older than some minutes.
func Sign(secret token.Secret, stamp string, body []byte) string {
	h := hmac.New(sha256.New, []byte(secret.Reveal()))
	h.Write([]byte(stamp + "."))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}
