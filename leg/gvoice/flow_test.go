package gvoice

import (
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var errRefused = errors.New("connection refused")

func TestAMissingPongIsNoticedAfterTenSecondsAndReplacedWithinOne(t *testing.T) { // GV-C9, goals R-8
	inTime(t, oneAccount(), func(f *farEnd) {
		f.is(Registered)
		start := time.Now()
		f.mu.Lock()
		f.deaf = true
		f.mu.Unlock()
		time.Sleep(90*time.Second + 9900*time.Millisecond)
		f.is(Registered)
		time.Sleep(100*time.Millisecond + time.Microsecond) // the new connection may come at any moment from now
		if s := f.c.Status()[0]; s.State == Registered || !strings.Contains(s.Problem, "keep-alive") {
			t.Errorf("10 s after the ping: %v, %q", s.State, s.Problem)
		}
		time.Sleep(time.Second)
		f.is(Registered)
		if n := len(f.dialled()); n != 2 {
			t.Errorf("%d connections, want two", n)
		}
		if got := f.pings[0].Sub(start); got != 90*time.Second {
			t.Errorf("the first ping came after %v", got)
		}
	})
}

func TestAClosedConnectionIsReplacedWithinASecond(t *testing.T) { // goals R-8: FIN, RST
	inTime(t, oneAccount(), func(f *farEnd) {
		f.is(Registered)
		f.drop()
		synctest.Wait()
		if s := f.c.Status()[0]; s.State == Registered {
			t.Error("the status says registered without a connection")
		}
		if len(f.board.Active()) != 1 {
			t.Errorf("alarms %+v", f.board.Active())
		}
		time.Sleep(999 * time.Millisecond)
		f.is(Registered)
		if len(f.board.Active()) != 0 {
			t.Errorf("alarms %+v", f.board.Active())
		}
	})
}

func TestRetryAfterIsKept(t *testing.T) { // goals R-8
	inTime(t, oneAccount(func(a *Account) { a.AskExpires = 2 * time.Minute }), func(f *farEnd) {
		f.is(Registered)
		f.says("SIP/2.0 503 Service Unavailable", "Retry-After: 120 (outage)")
		time.Sleep(91 * time.Second) // the refresh is refused
		for range 2 {                // and then the first REGISTER of a new connection
			at := f.registered()
			time.Sleep(time.Until(at[len(at)-1].Add(120*time.Second - time.Millisecond)))
			f.is(Waiting)
			if n := len(f.registered()); n != len(at) {
				t.Errorf("%d REGISTERs before the time was over", n-len(at))
			}
			time.Sleep(time.Second)
		}
		f.says()
		time.Sleep(2 * time.Minute)
		f.is(Registered)
	})
}

func TestTheLifeThatTheRegistrarAsksForIsTaken(t *testing.T) { // goals R-8: 423
	inTime(t, oneAccount(), func(f *farEnd) {
		f.mu.Lock()
		f.answer = func(r register) []string {
			if r.headers["Expires"] == "7200" {
				return nil
			}
			return []string{"SIP/2.0 423 Interval Too Brief", "Min-Expires: 7200"}
		}
		f.mu.Unlock()
		f.drop()
		time.Sleep(time.Second)
		if s := f.is(Registered); time.Until(s.Until) < 7190*time.Second {
			t.Errorf("registered until %v", s.Until)
		}
	})
}

func TestAStormOf401MakesNoStormOfRegisters(t *testing.T) { // GV-C11, goals R-8
	inTime(t, oneAccount(), func(f *farEnd) {
		time.Sleep(time.Hour)
		at := f.registered()
		if n := most(at, time.Minute); n > 10 {
			t.Errorf("%d REGISTERs within a minute; Google's throttle begins somewhere there", n)
		}
		if len(at) < 100 {
			t.Errorf("only %d REGISTERs within an hour", len(at))
		}
		f.says()
		time.Sleep(41 * time.Second)
		f.is(Registered)
	}, func(f *farEnd) {
		f.says("SIP/2.0 401 Unauthorized", `WWW-Authenticate: Bearer realm="voice.sip.google.com"`)
	})
}

func TestASilenceGrowsAndIsForgottenAfterSuccess(t *testing.T) { // GV-C10, reference 6.6
	for _, status := range []string{"603 Declined", "403 Forbidden"} {
		inTime(t, oneAccount(), func(f *farEnd) {
			start := time.Now()
			time.Sleep(59 * time.Second)
			f.is(Silent)
			f.drop() // recovery must not send a REGISTER either
			time.Sleep(time.Hour + 30*time.Minute)
			if got, want := since(start, f.registered()), "0s 1m0s 6m0s 21m0s 51m0s 1h21m0s"; got != want {
				t.Errorf("REGISTERs after %s, want %s", got, want)
			}
			f.says()
			time.Sleep(30 * time.Minute)
			f.is(Registered)
			before := len(f.registered())
			f.says("SIP/2.0 " + status)
			time.Sleep(time.Hour)
			if at := f.registered()[before:]; len(at) < 2 || at[1].Sub(at[0]) != time.Minute {
				t.Errorf("after a success the silence begins with %s", since(at[0], at))
			}
		}, func(f *farEnd) { f.says("SIP/2.0 " + status) })
	}
}

func TestARegistrationThatRanOutInASilenceIsNotShownAsRegistered(t *testing.T) {
	inTime(t, oneAccount(func(a *Account) {
		a.AskExpires = time.Minute
		a.Timing.Silence = []time.Duration{time.Hour}
	}), func(f *farEnd) {
		f.is(Registered)
		f.says("SIP/2.0 603 Declined")
		time.Sleep(50 * time.Second)
		f.is(Registered) // what was granted still holds
		if len(f.board.Active()) != 1 {
			t.Errorf("alarms %+v", f.board.Active())
		}
		time.Sleep(11 * time.Second)
		f.is(Silent)
		if _, err := f.c.line("home").ready(); err == nil {
			t.Error("a call is placed on a registration that ran out")
		}
	})
}

func TestTheNextHostIsTriedAndThePrimaryLaterAgain(t *testing.T) { // GV-C12, GV-S45
	inTime(t, oneAccount(), func(f *farEnd) {
		time.Sleep(2 * time.Second)
		if s := f.is(Registered); !strings.HasPrefix(s.Proxy, "alt2.") {
			t.Errorf("connected to %s", s.Proxy)
		}
		f.refuses(nil)
		time.Sleep(time.Hour)
		if s := f.is(Registered); !strings.HasPrefix(s.Proxy, "voice.") {
			t.Errorf("after the registration's life connected to %s", s.Proxy)
		}
	}, func(f *farEnd) {
		f.refuses(func(host string) error {
			if host != "alt2.voice.telephony.goog" {
				return errRefused
			}
			return nil
		})
	})
}

func TestWhenNoProxyWorksTheFirstOnesErrorIsShown(t *testing.T) { // GV-C12
	inTime(t, oneAccount(), func(f *farEnd) {
		f.mu.Lock()
		f.refuse = func(host string) error {
			if host == "voice.telephony.goog" {
				return x509.UnknownAuthorityError{}
			}
			return errors.New("remote error: tls: handshake failure") // no such host behind that address
		}
		f.mu.Unlock()
		f.drop()
		time.Sleep(2 * time.Second)
		s := f.is(Waiting)
		for _, want := range []string{
			"connect to voice.telephony.goog:5061", "not trusted (roots)",
			"also tried alt1.voice.telephony.goog:5061, alt2.voice.telephony.goog:5061",
		} {
			if !strings.Contains(s.Problem, want) {
				t.Errorf("the problem is %q; it does not say %q", s.Problem, want)
			}
		}
		if all := f.board.Active(); len(all) != 1 || !strings.HasPrefix(all[0].Do, "Check roots of the account") || strings.Contains(all[0].Do, "client_cert") {
			t.Errorf("alarms %+v", all)
		}
	})
}

func TestTheBackoffGrowsToHalfAMinuteWithJitter(t *testing.T) { // GV-C10, RFC 5626 §4.5
	inTime(t, oneAccount(func(a *Account) { a.Proxies = []string{"voice.telephony.goog:5061"} }), func(f *farEnd) {
		time.Sleep(10 * time.Minute)
		at := f.dialled()
		for i, least := range []time.Duration{500, 1000, 2000, 4000, 8000, 15000, 15000} {
			least *= time.Millisecond
			if gap := at[i+1].Sub(at[i]); gap < least || gap > 2*least+time.Millisecond && i < 5 || gap > 30*time.Second {
				t.Errorf("wait %d is %v", i+1, gap)
			}
		}
		if n := len(at); n < 20 {
			t.Errorf("%d attempts in ten minutes", n)
		}
	}, func(f *farEnd) { f.refuses(func(string) error { return errRefused }) })
}

func TestAThousandAccountsComeBackWithoutAStorm(t *testing.T) { // goals R-8, RFC 5626 §4.5
	const accounts = 1000
	inTime(t, manyAccounts(accounts), func(f *farEnd) {
		all := func() (n int) {
			for _, s := range f.c.Status() {
				if s.State == Registered {
					n++
				}
			}
			return n
		}
		time.Sleep(time.Minute)
		if n := all(); n != accounts {
			t.Fatalf("%d accounts are registered a minute after the start", n)
		}
		f.refuses(func(string) error { return errRefused })
		f.drop()
		time.Sleep(3 * time.Minute)
		f.refuses(nil)
		time.Sleep(2 * time.Minute)
		if n := all(); n != accounts {
			t.Errorf("%d accounts are registered two minutes after the outage", n)
		}
		f.drop() // and back at once
		time.Sleep(time.Minute)
		if n := all(); n != accounts {
			t.Errorf("%d accounts are registered a minute after all connections were lost", n)
		}
		for name, at := range map[string][]time.Time{"connections": f.dialled(), "REGISTERs": f.registered()} {
			if n := most(at, time.Second); n > accounts/20 {
				t.Errorf("%d %s within one second, more than 5 %% of the accounts", n, name)
			}
		}
	})
}

func TestAReplacedAccountRegistersAfterItsPredecessorLeft(t *testing.T) { // GV-C26
	inTime(t, oneAccount(), func(f *farEnd) {
		f.is(Registered)
		if err := f.c.Apply(oneAccount(func(a *Account) { a.Label = "Desk" })); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		f.is(Registered)
		f.mu.Lock()
		defer f.mu.Unlock()
		if len(f.registers) != 3 || !f.registers[1].unregisters() || f.registers[2].unregisters() {
			t.Errorf("%d REGISTERs, want one, its end, and the new one", len(f.registers))
		}
		if off := f.registers[1].headers; off["Supported"] != registerSupported || off["Authorization"] == "" {
			t.Errorf("un-REGISTER without full headers: %v", off)
		}
	})
}

func TestGoogleMayRequireWhatWeOffer(t *testing.T) { // GV-C5, RFC 3261 §8.2.2.3
	inTime(t, oneAccount(), func(f *farEnd) {
		f.is(Registered)
		f.mu.Lock()
		conn := f.conns[0]
		f.mu.Unlock()
		for _, require := range []string{"outbound", "path", "100rel", "timer", "replaces", "teleport"} {
			invite := "INVITE sip:home@192.0.2.1;line=other SIP/2.0\r\nVia: SIP/2.0/TLS 64.9.243.172:5061;branch=z9hG4bK" + require +
				"\r\nFrom: <sip:+12025550147@h>;tag=1\r\nTo: <sip:ID@h>\r\nCall-ID: " + require + "\r\nCSeq: 1 INVITE\r\nMax-Forwards: 68\r\n" +
				"Contact: <sip:x@h>\r\nRequire: " + require + "\r\nContent-Length: 0\r\n\r\n"
			if _, err := conn.Write([]byte(invite)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		for i, want := range []string{"404", "404", "404", "404", "404", "420"} { // 404: the line is not ours
			got := strings.Join(f.others, ", ")
			if finals := slices.DeleteFunc(slices.Clone(f.others), func(s string) bool { return strings.Contains(s, " 100 ") }); i >= len(finals) || !strings.Contains(finals[i], want) {
				t.Fatalf("answers %s", got)
			}
		}
	})
}
