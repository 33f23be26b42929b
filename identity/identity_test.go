package identity

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/store"
)

const good = "a sentence to sign in"

func keeper(t *testing.T) *Keeper {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	k := New(db, slog.New(slog.DiscardHandler))
	k.hashing.memory = 64 // tests need no strong ones
	return k
}

func add(t *testing.T, k *Keeper, name string, r Role) {
	t.Helper()
	if _, err := k.AddUser(t.Context(), name, good, r); err != nil {
		t.Fatal(err)
	}
}

func TestAPersonSignsIn(t *testing.T) {
	k := keeper(t)
	add(t, k, "Anna", Operator)
	ctx := t.Context()
	s, err := k.SignIn(ctx, "anna", good, "192.0.2.1")
	if err != nil || s.Name != "Anna" || !s.May(Operate) || s.May(Configure) {
		t.Fatalf("%+v, %v", s, err)
	}
	p, err := k.Session(ctx, s.Cookie)
	if err != nil || p.Name != "Anna" || p.CSRF != s.CSRF {
		t.Fatalf("%+v, %v", p, err)
	}
	if err := p.CheckCSRF(""); !errors.Is(err, ErrCSRF) {
		t.Errorf("no CSRF token: %v", err)
	}
	if err := p.CheckCSRF(s.CSRF); err != nil {
		t.Error(err)
	}
	if err := k.SignOut(ctx, s.Cookie); err != nil {
		t.Error(err)
	}
	for _, cookie := range []string{s.Cookie, "", "x", strings.Repeat("x", 43)} {
		if _, err := k.Session(ctx, cookie); !errors.Is(err, ErrSession) {
			t.Errorf("%q: %v", cookie, err)
		}
	}
}

func TestWrongPasswordsAreAllTheSame(t *testing.T) {
	k := keeper(t)
	add(t, k, "anna", Viewer)
	off := true
	add(t, k, "gone", Viewer)
	if _, err := k.ChangeUser(t.Context(), "gone", UserChange{Disabled: &off}); err != nil {
		t.Fatal(err)
	}
	for i, try := range [][2]string{{"anna", "wrong"}, {"nobody", good}, {"gone", good}, {"", ""}, {strings.Repeat("x", 1000), good}, {"a\x00b", good}} {
		_, err := k.SignIn(t.Context(), try[0], try[1], string(rune('a'+i)))
		if !errors.Is(err, ErrSignIn) {
			t.Errorf("%.10q: %v", try[0], err)
		}
	}
}

func TestAChangeEndsSessions(t *testing.T) {
	k := keeper(t)
	add(t, k, "root", Administrator)
	add(t, k, "anna", Administrator)
	ctx := t.Context()
	viewer, password := Viewer, "another sentence"
	for _, change := range []UserChange{{Role: &viewer}, {Password: &password}} {
		s, err := k.SignIn(ctx, "anna", good, "a")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.ChangeUser(ctx, "anna", change); err != nil {
			t.Fatal(err)
		}
		if _, err := k.Session(ctx, s.Cookie); !errors.Is(err, ErrSession) {
			t.Errorf("after %+v: %v", change, err)
		}
	}
	if _, err := k.SignIn(ctx, "anna", password, "a"); err != nil {
		t.Errorf("with the new password: %v", err)
	}
	if err := k.RemoveUser(ctx, "anna"); err != nil {
		t.Error(err)
	}
	if err := k.RemoveUser(ctx, "anna"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

func TestTheLastAdministratorStays(t *testing.T) {
	k := keeper(t)
	add(t, k, "root", Administrator)
	add(t, k, "anna", Viewer)
	ctx := t.Context()
	viewer, off := Viewer, true
	for _, change := range []UserChange{{Role: &viewer}, {Disabled: &off}} {
		if _, err := k.ChangeUser(ctx, "root", change); !errors.Is(err, ErrLastAdmin) {
			t.Errorf("%v", err)
		}
	}
	if err := k.RemoveUser(ctx, "root"); !errors.Is(err, ErrLastAdmin) {
		t.Errorf("%v", err)
	}
	admin := Administrator
	if _, err := k.ChangeUser(ctx, "anna", UserChange{Role: &admin}); err != nil {
		t.Fatal(err)
	}
	if err := k.RemoveUser(ctx, "root"); err != nil {
		t.Error(err)
	}
}

func TestWhoCannotBeAUser(t *testing.T) {
	k := keeper(t)
	add(t, k, "anna", Viewer)
	for _, test := range []struct {
		name, password string
		role           Role
		field          string
	}{
		{"", good, Viewer, "name"},
		{"<script>", good, Viewer, "name"},
		{"a\nb", good, Viewer, "name"},
		{" a", good, Viewer, "name"},
		{strings.Repeat("x", 65), good, Viewer, "name"},
		{"bob", "short", Viewer, "password"},
		{"robert", "xxROBERTxx", Viewer, "password"},
		{"bob", "aaaaaaaaaaaa", Viewer, "password"},
		{"bob", strings.Repeat("xy", 200), Viewer, "password"},
		{"bob", good, "king", "role"},
	} {
		var bad *InputError
		if _, err := k.AddUser(t.Context(), test.name, test.password, test.role); !errors.As(err, &bad) || bad.Field != test.field {
			t.Errorf("%.10q %.10q %s: %v", test.name, test.password, test.role, err)
		}
	}
	if _, err := k.AddUser(t.Context(), "ANNA", good, Viewer); !errors.Is(err, ErrTaken) {
		t.Errorf("the same name: %v", err)
	}
}

func TestTheFirstUserIsMadeOnce(t *testing.T) {
	k := keeper(t)
	ctx := t.Context()
	if needed, err := k.Needed(ctx); err != nil || !needed {
		t.Fatal(needed, err)
	}
	if _, err := k.SetUp(ctx, "", "root", good, "a"); !errors.Is(err, ErrSetUpLink) {
		t.Errorf("before there is a link: %v", err)
	}
	token, err := k.Invite(ctx)
	if err != nil || token == "" {
		t.Fatal(token, err)
	}
	if _, err := k.SetUp(ctx, "guess", "root", good, "a"); !errors.Is(err, ErrSetUpLink) {
		t.Errorf("a guess: %v", err)
	}
	var bad *InputError
	if _, err := k.SetUp(ctx, token, "root", "short", "a"); !errors.As(err, &bad) {
		t.Errorf("a bad password: %v", err)
	}
	s, err := k.SetUp(ctx, token, "root", good, "a")
	if err != nil || !s.May(Admin) {
		t.Fatalf("%+v, %v", s, err)
	}
	if _, err := k.SetUp(ctx, token, "second", good, "a"); !errors.Is(err, ErrSetUp) {
		t.Errorf("again: %v", err)
	}
	if token, err := k.Invite(ctx); err != nil || token != "" {
		t.Errorf("a link although there is a user: %q, %v", token, err)
	}
}

func TestGuessingGetsSlow(t *testing.T) {
	var g throttle
	now := time.Unix(0, 0)
	for range freeFailures {
		if err := g.may(now, "a", "root"); err != nil {
			t.Fatal(err)
		}
		g.failed(now, "a", "root")
	}
	wants := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}
	for _, want := range wants {
		var slow *TooManyError
		if err := g.may(now, "a", "other"); !errors.As(err, &slow) || slow.Wait != want {
			t.Errorf("got %v, want to wait %v", err, want)
		}
		if err := g.may(now, "b", "root"); err != nil {
			t.Errorf("another address must not be shut out: %v", err)
		}
		now = now.Add(want)
		if err := g.may(now, "a", "root"); err != nil {
			t.Error(err)
		}
		g.failed(now, "a", "root")
	}
	for range 100 {
		g.failed(now, "a", "root")
	}
	var slow *TooManyError
	if err := g.may(now, "a", "root"); !errors.As(err, &slow) || slow.Wait != maxWait {
		t.Errorf("got %v, want at most %v", err, maxWait)
	}
	if g.passed("a", "root"); g.may(now.Add(time.Second), "a", "root") != nil {
		t.Error("not forgiven")
	}
	for i := range 3 * maxTracked {
		g.failed(now.Add(time.Duration(i)), string(rune(i)), "x")
	}
	if len(g.who) > maxTracked+1 {
		t.Errorf("%d strangers are remembered", len(g.who))
	}
}

func TestAKeyLetsAProgramIn(t *testing.T) {
	k := keeper(t)
	ctx := t.Context()
	root := &Principal{Name: "root", Scopes: Scopes()}
	key, secret, err := k.AddKey(ctx, root, "backup script", []Scope{Read, Configure, Read}, time.Time{})
	if err != nil || !strings.HasPrefix(secret, "tdm_") || len(key.Scopes) != 2 {
		t.Fatal(key, err)
	}
	p, err := k.Authorize(ctx, secret)
	if err != nil || !p.May(Configure) || p.May(Operate) || p.String() != "key backup script" || p.CheckCSRF("") != nil {
		t.Errorf("%+v, %v", p, err)
	}
	all, err := k.Keys(ctx)
	if err != nil || len(all) != 1 || all[0].Hash != "" || all[0].Used.IsZero() {
		t.Errorf("%+v, %v", all, err)
	}
	for _, wrong := range []string{"", "tdm_", secret + "x", secret[:len(secret)-1], "tdm_0123456789abcdef_x", strings.ToUpper(secret)} {
		if _, err := k.Authorize(ctx, wrong); !errors.Is(err, ErrKey) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if err := k.RemoveKey(ctx, key.ID); err != nil {
		t.Error(err)
	}
	if _, err := k.Authorize(ctx, secret); !errors.Is(err, ErrKey) {
		t.Errorf("after its removal: %v", err)
	}
	var bad *InputError
	if _, _, err := k.AddKey(ctx, &Principal{Scopes: []Scope{Read}}, "x", []Scope{Admin}, time.Time{}); !errors.As(err, &bad) {
		t.Errorf("a key for more than its maker may: %v", err)
	}
	if _, _, err := k.AddKey(ctx, root, "x", nil, time.Time{}); !errors.As(err, &bad) {
		t.Errorf("no scope: %v", err)
	}
	if _, secret, err = k.AddKey(ctx, root, "x", []Scope{Read}, time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := k.Authorize(ctx, secret); errors.Is(err, ErrKey) {
			break // its time is over
		}
		time.Sleep(time.Millisecond)
	}
}

func TestTheAuditLogIsInOrder(t *testing.T) {
	k := keeper(t)
	for _, action := range []string{"first", "second", "third"} {
		k.Note(t.Context(), Entry{Who: "root", Kind: "config", Action: action, Result: "done"})
	}
	k.Note(t.Context(), Entry{Who: "root", Kind: "session", Action: "sign in", Result: "done"})
	page, err := k.Audit(t.Context(), AuditPage{Kind: "config", Limit: 2})
	if err != nil || len(page) != 2 || page[0].Action != "third" {
		t.Fatalf("%+v, %v", page, err)
	}
	page, err = k.Audit(t.Context(), AuditPage{Kind: "config", Before: page[1].At, BeforeID: page[1].ID})
	if err != nil || len(page) != 1 || page[0].Action != "first" {
		t.Fatalf("%+v, %v", page, err)
	}
	if n, err := k.Forget(t.Context(), time.Now()); err != nil || n != 4 {
		t.Errorf("%d, %v", n, err)
	}
}

func TestOldAuditEntriesGo(t *testing.T) {
	k := keeper(t)
	now := time.Now()
	for id, at := range map[string]time.Time{"old": now.Add(-keepAudit - time.Hour), "young": now.Add(-keepAudit + time.Hour)} {
		if err := k.audit.Append(t.Context(), store.Entry[Entry]{ID: id, At: at, Value: Entry{ID: id, At: at}}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	done := make(chan error, 1)
	go func() { done <- k.Run(ctx) }()
	for all, err := k.Audit(ctx, AuditPage{}); len(all) != 1 || all[0].ID != "young"; all, err = k.Audit(ctx, AuditPage{}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A hash made with other costs, or by hand, is checked or refused; it never ends
// the program.
func FuzzHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA")
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$")
	f.Fuzz(func(t *testing.T, phc string) {
		h := hashing{make(chan struct{}, 1), 64}
		if ok, _ := h.matches(context.Background(), "x", phc); ok {
			t.Errorf("%q matches", phc)
		}
	})
}
