package store

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSearchGoesOnWhereItStopped(t *testing.T) {
	each(t, func(t *testing.T, db *DB) {
		l := &Log[thing]{DB: db, Name: "calls"}
		began := time.Now().Truncate(time.Second)
		err := db.Atomically(t.Context(), func(ctx context.Context) error {
			for i := range 700 {
				name := "nobody"
				if i%100 == 7 {
					name = "Anna 100% <a_b>"
				}
				if err := l.Append(ctx, Entry[thing]{ID: fmt.Sprintf("%04d", i), At: began.Add(time.Duration(i/2) * time.Second), Value: thing{name, i}}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			name string
			s    Search[thing]
			want string
		}{
			{"a text, in any case", Search[thing]{Texts: []string{"anna"}}, "607 507 407 307 207 107 7"},
			{"signs that mean something to LIKE and JSON", Search[thing]{Texts: []string{"100% <a_b>"}}, "607 507 407 307 207 107 7"},
			{"wild cards are none", Search[thing]{Texts: []string{"A%a"}}, ""},
			{"two texts", Search[thing]{Texts: []string{"anna", "407"}}, "407"},
			{"a decision", Search[thing]{Match: func(v thing) bool { return v.Count%250 == 0 }}, "500 250 0"},
			{"both", Search[thing]{Texts: []string{"anna"}, Match: func(v thing) bool { return v.Count > 400 }}, "607 507 407"},
			{"since", Search[thing]{Texts: []string{"anna"}, Span: Span{Since: began.Add(250 * time.Second)}}, "607 507"},
			{"small pages", Search[thing]{Texts: []string{"anna"}, Span: Span{Limit: 2}}, "607 507 407 307 207 107 7"},
			{"few records at a time", Search[thing]{Texts: []string{"anna"}, Span: Span{Limit: 2}, Scan: 60}, "607 507 407 307 207 107 7"},
			{"few of them, decided here", Search[thing]{Match: func(v thing) bool { return v.Name != "nobody" }, Span: Span{Limit: 3}, Scan: 60}, "607 507 407 307 207 107 7"},
		} {
			var got []string
			for pages := 0; ; pages++ {
				f, err := l.Search(t.Context(), test.s)
				if err != nil || pages > 50 {
					t.Fatalf("%s: page %d: %v", test.name, pages, err)
				}
				for _, e := range f.Entries {
					got = append(got, fmt.Sprint(e.Value.Count))
				}
				if !f.More {
					break
				}
				test.s.Before, test.s.BeforeID = f.At, f.ID
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("%s: got %q, want %q", test.name, strings.Join(got, " "), test.want)
			}
		}
	})
}

// A page of 100,000 records, what is looked for being among the last of those that
// are looked at.
func BenchmarkSearch(b *testing.B) {
	db, err := Open(b.Context(), filepath.Join(b.TempDir(), "bench.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	l := &Log[thing]{DB: db, Name: "calls"}
	began := time.Now()
	filler := strings.Repeat("x", 900) // a call's record is about so long
	for n := range 100 {
		err := db.Atomically(b.Context(), func(ctx context.Context) error {
			for i := range 1000 {
				n := n*1000 + i
				if err := l.Append(ctx, Entry[thing]{ID: fmt.Sprintf("%06d", n), At: began.Add(time.Duration(n) * time.Second), Value: thing{filler, n}}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	for name, s := range map[string]Search[thing]{
		"newest": {},
		"deep":   {Span: Span{Before: began.Add(10_000 * time.Second)}},
		"rare":   {Texts: []string{`"Count":91000`}},
		"none":   {Texts: []string{"nothing has this"}},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := l.Search(b.Context(), s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
