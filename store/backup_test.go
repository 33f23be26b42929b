package store

import (
	"bytes"
	"compress/gzip"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// filled puts a bit of everything into a database.
func filled(t *testing.T, db *DB, key *Key) {
	t.Helper()
	things := Collection[thing]{DB: db, Name: "things", Label: func(thing) string { return "label" }}
	log := Log[thing]{DB: db, Name: "calls"}
	for i := range 3 {
		if _, err := things.PutUntil(t.Context(), fmt.Sprint("k", i), thing{"ä \" \x00\u2028", i}, time.Unix(1<<33, 7)); err != nil {
			t.Fatal(err)
		}
		if err := log.Append(t.Context(), Entry[thing]{ID: fmt.Sprint(i), At: time.Unix(0, 1<<60+int64(i)), Value: thing{"call", i}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := (&Secrets{DB: db, Key: key}).Set(t.Context(), "google_voice/home", "canary"); err != nil {
		t.Fatal(err)
	}
}

func testKey(t *testing.T) *Key {
	t.Helper()
	key, err := OpenKey(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// rows is everything a database holds.
func rows(t *testing.T, db *DB) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := db.Backup(t.Context(), &b, "test", nil); err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(unpacked(t, b.Bytes()), "\n")[1:]
	slices.Sort(lines) // engines have orders of their own
	return strings.Join(lines, "")
}

func unpacked(t *testing.T, packed []byte) string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func packed(text string) *bytes.Reader {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return bytes.NewReader(b.Bytes())
}

func TestAnArchiveMovesEverythingToAnyEngine(t *testing.T) {
	each(t, func(t *testing.T, from *DB) {
		key := testKey(t)
		filled(t, from, key)
		each(t, func(t *testing.T, to *DB) {
			var b bytes.Buffer
			made, err := from.Backup(t.Context(), &b, "test", map[string]string{"tandem.key": "text"})
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(unpacked(t, b.Bytes()), "canary") {
				t.Error("the archive shows a secret")
			}
			checked, err := CheckArchive(bytes.NewReader(b.Bytes()))
			if err != nil || !reflect.DeepEqual(made, checked) {
				t.Errorf("made %+v, checked %+v, %v", made, checked, err)
			}
			if want := (map[string]int64{"items": 3, "records": 3, "secrets": 1}); !reflect.DeepEqual(checked.Rows, want) {
				t.Errorf("got %v, want %v", checked.Rows, want)
			}
			if _, err := to.Restore(t.Context(), bytes.NewReader(b.Bytes()), false); err != nil {
				t.Fatal(err)
			}
			if got, want := rows(t, to), rows(t, from); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if got, err := (&Secrets{DB: to, Key: key}).Get(t.Context(), "google_voice/home"); err != nil || got != "canary" {
				t.Errorf("the secret: %q, %v", got, err)
			}
			if _, err := to.Restore(t.Context(), bytes.NewReader(b.Bytes()), false); !errors.Is(err, ErrNotEmpty) {
				t.Errorf("restored over what was there: %v", err)
			}
			if _, err := to.Restore(t.Context(), bytes.NewReader(b.Bytes()), true); err != nil {
				t.Error(err)
			}
		})
	})
}

// A backup is a moment: what is written meanwhile is in it with all that was
// written before, or not at all, and writers do not wait for it.
func TestABackupIsOneMoment(t *testing.T) {
	each(t, func(t *testing.T, db *DB) {
		things := Collection[thing]{DB: db, Name: "things"}
		put := func(i int) {
			if err := things.Set(t.Context(), fmt.Sprintf("%05d", i), thing{Count: i}, time.Time{}); err != nil {
				t.Error(err)
			}
		}
		for i := range 2000 {
			put(i)
		}
		var b bytes.Buffer
		next := 2000
		busy := writerFunc(func(p []byte) (int, error) {
			put(next) // in the middle of the backup
			next++
			return b.Write(p)
		})
		m, err := db.Backup(t.Context(), busy, "test", nil)
		if err != nil {
			t.Fatal(err)
		}
		if next == 2000 || m.Rows["items"] != 2000 {
			t.Errorf("the archive has %d items, %d were written meanwhile", m.Rows["items"], next-2000)
		}
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestABadArchiveChangesNothing(t *testing.T) {
	const head = `{"tandem_backup":1,"schema":1}` + "\n"
	const items = `{"table":"items","columns":["collection","key","label","version","expires","value"]}` + "\n"
	for _, test := range []struct{ name, text, want string }{
		{"nothing", "", "cut off after line 0"},
		{"something else", `{"a":1}` + "\n", "not an archive"},
		{"another form", `{"tandem_backup":2,"by":"v9"}` + "\n", "v9"},
		{"cut off", head + items, "cut off"},
		{"a newer schema", `{"tandem_backup":1,"schema":99}` + "\n" + `{"end":true}`, "newer version"},
		{"rows missing", head + items + `{"end":true,"rows":{"items":1}}`, "rows are missing"},
		{"a table of somebody else", head + `{"table":"pg_user","columns":["a"]}`, "cannot be part"},
		{"a table twice", head + items + items, "comes twice"},
		{"an odd column", head + `{"table":"items","columns":["key) --"]}`, "not the name of a column"},
		{"an unknown column", head + `{"table":"items","columns":["colour"]}`, "does not know"},
		{"a row of nothing", head + `["a"]`, "before its table"},
		{"a short row", head + items + `["a"]`, "should have 6"},
		{"a row with an object", head + items + `["a","b","c",1,0,{}]`, "neither text nor number"},
		{"a broken number", head + items + `["a","b","c",1.5,0,"{}"]`, "whole number"},
		{"a duplicate", head + items + strings.Repeat(`["a","b","c",1,0,"{}"]`+"\n", 2), "database"},
		{"more after the end", head + `{"end":true}` + "\n" + `{"end":true}`, "after the end"},
		{"a path", head + `{"file":"../tandem.key","text":""}`, "cannot be part"},
		{"a long line", head + strings.Repeat("x", maxLine+1), "too long"},
	} {
		t.Run(test.name, func(t *testing.T) {
			db := mustOpen(t, filepath.Join(t.TempDir(), "test.db"))
			filled(t, db, testKey(t))
			before := rows(t, db)
			if _, err := db.Restore(t.Context(), packed(test.text), true); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if after := rows(t, db); after != before {
				t.Errorf("the database has changed:\n%s", after)
			}
		})
	}
	if _, err := CheckArchive(strings.NewReader("PK\x03\x04")); err == nil || !strings.Contains(err.Error(), "not an archive") {
		t.Errorf("a zip file: %v", err)
	}
}

// An archive that unpacks to a thousand times its size is refused before it fills the disk.
func TestABombIsRefused(t *testing.T) {
	const head = `{"tandem_backup":1,"schema":1}` + "\n" + `{"table":"items","columns":["collection","key","label","version","expires","value"]}` + "\n"
	read, write := io.Pipe()
	sent := make(chan int, 1)
	go func() {
		z := gzip.NewWriter(write)
		_, err := io.WriteString(z, head)
		row := []byte(`["a","b","c",1,0,"` + strings.Repeat("x", 60_000) + `"]` + "\n")
		n := 0
		for ; err == nil && n < 4<<30; n += len(row) {
			_, err = z.Write(row)
		}
		write.Close()
		sent <- n
	}()
	_, err := CheckArchive(read)
	read.Close()
	if !errors.Is(err, errBomb) {
		t.Errorf("got %v", err)
	}
	if n := <-sent; n > 2*freeGrowth {
		t.Errorf("%d bytes were unpacked", n)
	}
}

func TestAnArchiveHoldsEveryTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	mustOpen(t, path)
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	var names string
	if err := raw.QueryRow(`SELECT group_concat(name, ' ') FROM (SELECT name FROM sqlite_master WHERE type = 'table'
		AND name NOT LIKE 'sqlite_%' AND name <> 'schema_version' ORDER BY name)`).Scan(&names); err != nil {
		t.Fatal(err)
	}
	if want := strings.Join(ownTables(), " "); names != want {
		t.Errorf("the database has the tables %s, an archive %s", names, want)
	}
}

func TestLookNeitherMakesNorChangesADatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.db")
	if _, err := Look(t.Context(), path); err == nil {
		t.Error("a database was found where there is none")
	}
	if left, _ := filepath.Glob(path + "*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	db := mustOpen(t, path)
	if err := db.Idle(t.Context()); err != nil {
		t.Errorf("nobody else uses it: %v", err)
	}
	if err := db.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	again, err := Look(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if err := again.Idle(t.Context()); err == nil || !strings.Contains(err.Error(), "stop the gateway") {
		t.Errorf("it is in use: %v", err)
	}
}

func FuzzCheckArchive(f *testing.F) {
	f.Add(`{"tandem_backup":1,"schema":1}` + "\n" + `{"table":"secrets","columns":["name","sealed"]}` + "\n" + `["a","b"]` + "\n" + `{"end":true,"rows":{"secrets":1}}`)
	f.Add(`{"tandem_backup":1}` + "\n" + `{"file":"tandem.key","text":"x"}` + "\n" + `{"end":true}`)
	f.Fuzz(func(t *testing.T, text string) {
		m, err := CheckArchive(packed(text))
		if err == nil {
			if _, err := json.Marshal(m); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestSizesTellWhatTheDatabaseHolds(t *testing.T) {
	each(t, func(t *testing.T, db *DB) {
		filled(t, db, testKey(t))
		s, err := db.Sizes(t.Context())
		if err != nil || s.Bytes == 0 || s.Schema == 0 {
			t.Errorf("got %+v, %v", s, err)
		}
		var got []string
		for _, p := range s.Parts {
			got = append(got, fmt.Sprintf("%s/%s %d %v", p.Table, p.Name, p.Rows, p.Bytes > 0))
		}
		if want := []string{"items/things 3 true", "records/calls 3 true", "secrets/ 1 true"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
