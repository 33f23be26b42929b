package flow

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func dialWeb(t *testing.T, at, path string, opts *websocket.DialOptions) (*websocket.Conn, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, resp, err := websocket.Dial(ctx, "ws://"+at+path, opts)
	if err != nil {
		return nil, resp.StatusCode
	}
	t.Cleanup(func() { c.CloseNow() })
	return c, resp.StatusCode
}

func TestWebSocketTakesTextAndBinaryAndSeveralMessagesInAFrame(t *testing.T) {
	b, in := newTransport(t)
	at := listen(t, b, Listen{Network: "ws"}).String()
	c, _ := dialWeb(t, at, "/", &websocket.DialOptions{Subprotocols: []string{"sip"}})
	ctx := context.Background()
	c.Write(ctx, websocket.MessageText, options("text").Append(nil))
	c.Write(ctx, websocket.MessageBinary, options("binary").Append(nil))
	three := options("one")
	three.Body = []byte("body")
	frame := three.Append([]byte("\r\n"))
	frame = append(options("two").Append(frame), "\r\n\r\n"...)
	c.Write(ctx, websocket.MessageText, options("three").Append(frame))
	for _, want := range []string{"text", "binary", "one", "two", "three"} {
		if got := in.next(t); got.m.CallID() != want {
			t.Errorf("got %s, want %s", got.m.CallID(), want)
		}
	}
	c.Write(ctx, websocket.MessageText, []byte(ping))
	kind, got, err := c.Read(ctx)
	if kind != websocket.MessageText || string(got) != pong || err != nil {
		t.Errorf("pong is %v %q %v", kind, got, err)
	}
}

func TestWebSocketHandshakeIsChecked(t *testing.T) {
	b, _ := newTransport(t)
	at := listen(t, b, Listen{Network: "ws", Path: "/sip", Origins: []string{"pbx.example.com"}}).String()
	sip := []string{"sip"}
	for _, row := range []struct {
		name, path string
		protocols  []string
		origin     string
		want       int
	}{
		{"no origin", "/sip", sip, "", 101},
		{"own origin", "/sip", sip, "http://" + at, 101},
		{"allowed origin", "/sip", sip, "https://pbx.example.com", 101},
		{"foreign origin", "/sip", sip, "https://evil.example.com", 403},
		{"other path", "/", sip, "", 404},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := http.Header{}
			if row.origin != "" {
				h.Set("Origin", row.origin)
			}
			if _, got := dialWeb(t, at, row.path, &websocket.DialOptions{Subprotocols: row.protocols, HTTPHeader: h}); got != row.want {
				t.Errorf("HTTP %d, want %d", got, row.want)
			}
		})
	}
	c, _ := dialWeb(t, at, "/sip", nil)
	if _, _, err := c.Read(context.Background()); websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
		t.Errorf("without subprotocol: %v", err)
	}
}

func TestRefusedWebSocketSaysWhy(t *testing.T) {
	b, _ := newTransport(t)
	a, _ := newTransport(t)
	at := listen(t, b, Listen{Network: "ws"})
	// GV-C4, GV-S3: Google's edge answers 403 without the right Origin.
	_, err := a.Dial(context.Background(), Target{Network: "ws", Addr: at, Path: "/websocket", Origin: "https://voice.google.com"})
	var refused *UpgradeError
	if !errors.As(err, &refused) || refused.Status != http.StatusForbidden {
		t.Errorf("error is %v", err)
	}
}

func TestKeepAliveOnWebSocket(t *testing.T) {
	b, _ := newTransport(t)
	a, _ := newTransport(t)
	at := listen(t, b, Listen{Network: "ws"})
	f := dial(t, a, Target{Network: "ws", Addr: at})
	f.KeepAlive(KeepAlive{Every: time.Millisecond})
	within(t, "five pongs", func() bool { return a.Stats().PongsIn >= 5 })
	if f.Err() != nil {
		t.Error(f.Err())
	}
}
