// Package web is the administrator's pages: a bundle made of web/src by `make web`,
// embedded, so that the gateway is one program. Start reading at [Handler].
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

//go:embed all:dist
var bundle embed.FS

// Policy is what the pages may do in a browser: run the bundle, draw with its
// styles, and talk to this gateway. Nothing inline, nothing from elsewhere, in
// no frame.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types svelte-trusted-html"

// A file is one file of the bundle, ready to be sent either way.
type file struct {
	kind        string // Content-Type
	plain, gzip []byte // gzip is nil where it would not be smaller
	tag         string // ETag
	forever     bool   // its name changes with its content
}

// Handler serves the pages: the bundle's files by their names, and the one page
// at the root. What comes after the # of an address is the page's own affair, so
// every other path is 404. It answers GET and HEAD only.
func Handler() http.Handler {
	files, err := read(bundle)
	if err != nil {
		panic("web: the embedded bundle cannot be read: " + err.Error()) // it is part of the program
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "the pages are only read", http.StatusMethodNotAllowed)
			return
		}
		name := strings.TrimPrefix(r.URL.Path, "/")
		if name == "" {
			name = "index.html"
		}
		f, ok := files[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		f.serve(w, r)
	})
}

func (f file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", Policy)
	h.Set("Content-Type", f.kind)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache") // asked for again each time, answered by 304
	if f.forever {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	body, tag := f.plain, f.tag
	if f.gzip != nil && acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body, tag = f.gzip, strings.TrimSuffix(f.tag, `"`)+`-gzip"`
	}
	h.Set("ETag", tag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// acceptsGzip looks for gzip that is not weighed 0 (RFC 9110 §12.5.3).
func acceptsGzip(r *http.Request) bool {
	for _, line := range r.Header.Values("Accept-Encoding") {
		for part := range strings.SplitSeq(line, ",") {
			coding, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
			if c := strings.TrimSpace(coding); c != "gzip" && c != "*" {
				continue
			}
			q, weighed := strings.CutPrefix(strings.TrimSpace(weight), "q=")
			v, err := strconv.ParseFloat(q, 64)
			return !weighed || err == nil && v > 0
		}
	}
	return false
}

// read compresses every file of the bundle, once for the life of the handler.
func read(from fs.FS) (map[string]file, error) {
	files := make(map[string]file)
	err := fs.WalkDir(from, "dist", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		short := strings.TrimPrefix(name, "dist/")
		files[short] = prepare(short, text)
		return nil
	})
	return files, err
}

func prepare(name string, text []byte) file {
	sum := sha256.Sum256(text)
	f := file{
		kind: mime.TypeByExtension(path.Ext(name)), plain: text,
		tag:     `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`,
		forever: strings.HasPrefix(name, "assets/"),
	}
	// The machine's own table of types may say otherwise, or nothing.
	switch path.Ext(name) {
	case ".html":
		f.kind = "text/html; charset=utf-8"
	case ".js":
		f.kind = "text/javascript; charset=utf-8"
	case ".css":
		f.kind = "text/css; charset=utf-8"
	case ".svg":
		f.kind = "image/svg+xml"
	}
	var small bytes.Buffer
	w, _ := gzip.NewWriterLevel(&small, gzip.BestCompression) // the level is valid
	if _, err := w.Write(text); err == nil && w.Close() == nil && small.Len() < len(text) {
		f.gzip = small.Bytes()
	}
	return f
}
