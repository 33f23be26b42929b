package meet

import (
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"reflect"
	"strings"
	"time"

	"tandem/sim/picture"
)

// controlHandler is the control endpoint; the package comment lists it.
func (s *Server) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page)
	s.mediaAPIHandler(mux)
	mux.HandleFunc("GET /state", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, 200, s.State()) })
	mux.HandleFunc("GET /violations", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, 200, s.Violations()) })
	mux.HandleFunc("GET /ca.pem", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(s.CAPEM()) })
	mux.HandleFunc("POST /gateway-certificates", s.postCSR)
	mux.HandleFunc("POST /tokens", post(func(t AccessToken) (any, error) { return struct{}{}, s.AddToken(t) }))
	mux.HandleFunc("POST /tokens/revoke", post(func(t struct {
		Value string `json:"value"`
	},
	) (any, error) {
		return struct{}{}, s.RevokeToken(t.Value)
	}))
	mux.HandleFunc("POST /media-api-tokens", post(func(t OAuthToken) (any, error) { return struct{}{}, s.AddOAuthToken(t) }))
	mux.HandleFunc("POST /faults", post(func(f Fault) (any, error) { return f, s.SetFault(f) }))
	mux.HandleFunc("DELETE /faults", s.deleteFaults)
	mux.HandleFunc("POST /meetings", post(func(m Meeting) (any, error) {
		id, err := s.AddMeeting(m)
		return map[string]string{"space": "spaces/" + id}, err
	}))
	mux.HandleFunc("GET /meetings/{id}", s.getMeeting)
	mux.HandleFunc("GET /meetings/{id}/pictures/{track}", s.getPicture)
	mux.HandleFunc("POST /meetings/{id}/people", s.onMeeting(func(id string, p Person) error { return s.AddPerson(id, p) }))
	mux.HandleFunc("POST /meetings/{id}/do", s.onMeeting(func(id string, b struct {
		Person string `json:"person"`
		Step
	},
	) error {
		return s.Do(id, b.Person, b.Step)
	}))
	for verb, f := range map[string]func(alias, device string) error{
		"admit": s.Admit, "deny": s.Deny, "remove": s.Remove, "mute": func(alias, device string) error { return s.MuteDevice(alias, device, "") },
	} {
		mux.HandleFunc("POST /meetings/{id}/"+verb, s.onMeeting(func(id string, b deviceBody) error { return f(id, b.Device) }))
	}
	mux.HandleFunc("POST /meetings/{id}/indicators", s.onMeeting(s.SetIndicators))
	mux.HandleFunc("POST /meetings/{id}/video-lock", s.onMeeting(func(id string, b lockBody) error { return s.LockVideo(id, b.Locked) }))
	mux.HandleFunc("POST /meetings/{id}/end", s.onMeeting(func(id string, _ struct{}) error { return s.EndMeeting(id) }))
	s.visitors(mux)
	return mux
}

type deviceBody struct {
	Device string `json:"device"`
}

type lockBody struct {
	Locked bool `json:"locked"`
}

func (s *Server) postCSR(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err == nil {
		b, err = s.SignGateway(b, GatewayCert{})
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, _ = w.Write(b)
}

func (s *Server) deleteFaults(w http.ResponseWriter, r *http.Request) {
	var kinds []FaultKind
	for _, k := range r.URL.Query()["kind"] {
		kinds = append(kinds, FaultKind(k))
	}
	s.ClearFaults(kinds...)
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) getMeeting(w http.ResponseWriter, r *http.Request) {
	m, err := s.Meeting(r.PathValue("id"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	writeJSON(w, http.StatusOK, m)
}

// getPicture is /meetings/{id}/pictures/{rid}.png?device=…
func (s *Server) getPicture(w http.ResponseWriter, r *http.Request) {
	track, _ := strings.CutSuffix(r.PathValue("track"), ".png")
	img, err := s.Picture(r.PathValue("id"), r.URL.Query().Get("device"), track)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	_ = picture.PNG(w, img)
}

// onMeeting makes a handler of a function of a meeting and a JSON body.
func (s *Server) onMeeting(f any) http.HandlerFunc {
	v := reflect.ValueOf(f)
	return func(w http.ResponseWriter, r *http.Request) {
		in := reflect.New(v.Type().In(1))
		err := decode(io.LimitReader(r.Body, 64<<10), in.Interface())
		if err == nil {
			err, _ = v.Call([]reflect.Value{reflect.ValueOf(r.PathValue("id")), in.Elem()})[0].Interface().(error)
		}
		if err != nil {
			writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
			return
		}
		writeJSON(w, http.StatusOK, struct{}{})
	}
}

// post makes a handler of a function from a JSON body to a JSON answer.
func post[T any](f func(T) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in T
		err := decode(io.LimitReader(r.Body, 64<<10), &in)
		var out any
		if err == nil {
			out, err = f(in)
		}
		if err != nil {
			writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
			return
		}
		writeJSON(w, http.StatusOK, out)
	}
}

// decode reads JSON in which durations may be strings such as "1.5s". Unknown
// fields are errors. An empty body is an empty object.
func decode(r io.Reader, into any) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if len(b) == 0 {
		b = []byte("{}")
	}
	var raw any
	if err := json.Unmarshal(b, &raw); err != nil {
		return fmt.Errorf("the body is not JSON: %w", err)
	}
	plain, err := durations(raw, reflect.TypeOf(into).Elem())
	if err != nil {
		return err
	}
	if b, err = json.Marshal(plain); err != nil {
		return err
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// durations turns strings into nanoseconds wherever t wants a Duration.
func durations(v any, t reflect.Type) (any, error) {
	if text, ok := v.(string); ok && t == reflect.TypeFor[time.Duration]() {
		d, err := time.ParseDuration(text)
		return int64(d), err
	}
	if list, ok := v.([]any); ok && t.Kind() == reflect.Slice {
		for i := range list {
			plain, err := durations(list[i], t.Elem())
			if err != nil {
				return nil, fmt.Errorf("%d: %w", i, err)
			}
			list[i] = plain
		}
		return list, nil
	}
	object, ok := v.(map[string]any)
	if !ok || t.Kind() != reflect.Struct {
		return v, nil
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			if _, err := durations(v, f.Type); err != nil {
				return nil, err
			}
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		inner, has := object[name]
		if !has {
			continue
		}
		plain, err := durations(inner, f.Type)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		object[name] = plain
	}
	return object, nil
}

// page is a small overview for people.
func (s *Server) page(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = overview.Execute(w, s.State())
}

var overview = template.Must(template.New("page").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<title>Simulated meetings</title><style>body{font:15px sans-serif;margin:2em}td,th{text-align:left;padding:.2em .8em;vertical-align:top}img{height:90px}</style>
<h1>Simulated meetings</h1><p>Edge {{.Edge}}, media {{.Media}}. Everything as JSON: <a href="/state">/state</a></p>
{{range .Meetings}}{{$pin := .PIN}}<h2>{{.Title}} ({{.PIN}}, {{.Code}}){{if .Over}}: over{{else}} <a href="/visit/{{.PIN}}?camera=own">join with this browser</a>{{end}}</h2>
<table><tr><th>Person<th>There<th>Talks<th>Muted<th>Camera<th>Shares</tr>
{{range .People}}<tr><td style="border-left:1em solid {{.Colour}}">{{.Name}}<td>{{.Present}}<td>{{.Talking}}<td>{{.AudioMuted}}<td>{{not .VideoMuted}}<td>{{.Sharing}}</tr>{{end}}</table>
{{range .Devices}}{{$d := .Name}}<h3>{{.DisplayName}} ({{.Name}}): {{.State}}</h3>
<table><tr><th>Received<th>Size<th>fps<th>bit/s<th>Level<th>Last picture</tr>
{{range .Up.Tracks}}<tr><td>{{.Name}}<td>{{.Width}}x{{.Height}}<td>{{printf "%.1f" .FPS}}<td>{{.Bitrate}}<td>{{.Level}}<td>{{if .Decoded}}<img alt="{{.Colour}}" src="/meetings/{{$pin}}/pictures/{{.Name}}.png?device={{$d}}">{{end}}</tr>{{end}}</table>
<p>Sees: {{range .Views}}{{.Canvas}}: {{.Shows}} ({{.Wanted}}, layer {{.Layer}}) {{end}}</p>{{end}}{{end}}
<h2>Journal</h2><table>{{range .Violations}}<tr><td>{{.At.Format "15:04:05"}}<td>{{.Rule}}<td>{{.Action}}<td>{{.What}}<td>{{.Reason}}</tr>{{end}}</table></html>`))
