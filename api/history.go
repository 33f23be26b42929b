package api

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"tandem/call"
	"tandem/evidence"
	"tandem/identity"
	"tandem/store"
)

// HistoryFilter selects calls that were.
type HistoryFilter struct {
	From      time.Time `query:"from" doc:"Only calls that began at or after this time (RFC 3339)."`
	To        time.Time `query:"to" doc:"Only calls that began before this time."`
	Q         string    `query:"q" maxLength:"200" doc:"Only calls with this text in a number, a name, a leg or what the far end said."`
	Cause     string    `query:"cause" maxLength:"40" doc:"Only calls that ended so: normal, busy, no_answer, …"`
	Connector string    `query:"connector" maxLength:"40" doc:"Only calls with a leg of this connector: sipua, gvoice, meet, reception."`
}

type (
	historyInput struct {
		HistoryFilter
		After string `query:"after" maxLength:"250" doc:"The next of the page before."`
		Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	}
	historyOutput struct {
		Body struct {
			Items []Call `json:"items"`
			Next  string `json:"next,omitempty" doc:"Goes into after for the next page. A page can be short, even empty, although there is one: a search looks at so many calls at a time."`
		}
	}
	pastOutput struct {
		Body struct {
			Call
			evidence.Evidence
		}
	}
	csvInput struct{ HistoryFilter }
)

func (s *Server) registerHistory() {
	const tag = "history"
	huma.Register(s.api, operation(identity.Read, http.MethodGet, "/history", "list-history", tag, "List the calls that were, the newest first"), s.history)
	op := operation(identity.Read, http.MethodGet, "/history.csv", "export-history", tag, "Export the calls that were, as CSV")
	op.Responses = map[string]*huma.Response{"200": {Description: "CSV (RFC 4180), the newest first.", Content: map[string]*huma.MediaType{"text/csv": {Schema: &huma.Schema{Type: huma.TypeString}}}}}
	huma.Register(s.api, op, s.exportHistory)
	huma.Register(s.api, operation(identity.Read, http.MethodGet, "/history/{id}", "get-history", tag, "Show a call that was, with its SIP messages and how good it sounded"),
		func(ctx context.Context, in *callInput) (*pastOutput, error) {
			e, err := s.History.Get(ctx, in.ID)
			if err != nil {
				return nil, commandProblem(historyError(err))
			}
			out := new(pastOutput)
			out.Body.Call = past(e.Value)
			left, err := s.Gateway.Evidence(ctx, in.ID)
			if err != nil && !errors.Is(err, ErrNotFound) {
				return nil, problem(err)
			}
			out.Body.Evidence = whole(left)
			return out, nil
		})
}

func historyError(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return call.ErrNoCall
	}
	return problem(err)
}

// search is the filter as the store understands it.
func (f HistoryFilter) search() (store.Search[call.Record], error) {
	s := store.Search[call.Record]{Span: store.Span{Since: f.From, Before: f.To}}
	q := strings.TrimSpace(f.Q)
	if q != "" {
		s.Texts = append(s.Texts, q)
	}
	var cause *call.Cause
	if f.Cause != "" {
		cause = new(call.Cause)
		if err := cause.UnmarshalText([]byte(f.Cause)); err != nil {
			return s, huma.Error422UnprocessableEntity(err.Error(), &huma.ErrorDetail{Location: "query.cause", Message: err.Error()})
		}
		s.Texts = append(s.Texts, f.Cause)
	}
	if f.Connector != "" {
		s.Texts = append(s.Texts, f.Connector)
	}
	q = strings.ToLower(q)
	s.Match = func(r call.Record) bool {
		switch {
		case cause != nil && r.Cause != *cause,
			f.Connector != "" && r.A.Connector != f.Connector && r.B.Connector != f.Connector:
			return false
		}
		return q == "" || callMentions(r, q) || strings.Contains(strings.ToLower(r.Text), q)
	}
	if q == "" && cause == nil && f.Connector == "" {
		s.Match = nil
	}
	return s, nil
}

func (s *Server) history(ctx context.Context, in *historyInput) (*historyOutput, error) {
	search, err := in.search()
	if err != nil {
		return nil, err
	}
	search.Limit = in.Limit
	if in.After != "" {
		if search.Before, search.BeforeID, err = parseCursor(in.After); err != nil {
			return nil, err
		}
	}
	f, err := s.History.Search(ctx, search)
	if err != nil {
		return nil, problem(err)
	}
	out := new(historyOutput)
	out.Body.Items = []Call{}
	for _, e := range f.Entries {
		out.Body.Items = append(out.Body.Items, past(e.Value))
	}
	if f.More {
		out.Body.Next = cursor(f.At, f.ID)
	}
	return out, nil
}

const (
	exportPage = 1000
	exportMost = 1_000_000 // rows
	// A client that takes none of it for so long is given up.
	exportPatience = 30 * time.Second
)

func (s *Server) exportHistory(ctx context.Context, in *csvInput) (*huma.StreamResponse, error) {
	search, err := in.search()
	if err != nil {
		return nil, err
	}
	search.Limit = exportPage
	// The first page before the answer begins, so that an error can be told.
	page, err := s.History.Search(ctx, search)
	if err != nil {
		return nil, problem(err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", "text/csv; charset=utf-8; header=present")
		hc.SetHeader("Content-Disposition", `attachment; filename="calls.csv"`)
		if err := s.writeHistory(hc, search, page); err != nil {
			s.events.slow(err)
			s.Log.Info("export of the history broken off", "err", err)
		}
	}}, nil
}

func (s *Server) writeHistory(hc huma.Context, search store.Search[call.Record], page store.Found[call.Record]) error {
	patient := newPatience(hc, exportPatience)
	w := csv.NewWriter(hc.BodyWriter())
	w.UseCRLF = true
	if err := w.Write(csvHeader()); err != nil {
		return err
	}
	for rows := 0; ; {
		patient.again()
		for _, e := range page.Entries {
			if err := w.Write(csvRow(e.Value)); err != nil {
				return err
			}
		}
		w.Flush()
		if err := w.Error(); err != nil {
			return err
		}
		if rows += len(page.Entries); !page.More || rows >= exportMost {
			return nil
		}
		search.Before, search.BeforeID = page.At, page.ID
		var err error
		if page, err = s.History.Search(hc.Context(), search); err != nil {
			return errors.Join(err, errCut(hc.BodyWriter()))
		}
	}
}

// errCut says in the file that it is not whole.
func errCut(w io.Writer) error {
	_, err := io.WriteString(w, "\r\nthe export was broken off: the store did not answer\r\n")
	return err
}

func csvHeader() []string {
	return []string{
		"id", "node", "began", "answered", "ended", "talked_s", "from", "from_name", "to", "cause", "sentence", "text",
		"a_connector", "a_via", "a_remote", "a_codec", "a_mos", "b_connector", "b_via", "b_remote", "b_codec", "b_mos",
	}
}

func csvRow(r call.Record) []string {
	cause, sentence := "", ""
	if !r.Ended.IsZero() {
		cause, sentence = r.Cause.String(), r.Cause.Sentence()
	}
	row := []string{
		r.ID, r.Node, csvTime(r.Began), csvTime(r.Answered), csvTime(r.Ended), fmt.Sprintf("%.3f", r.Talked.Seconds()),
		r.From, r.FromName, r.To, cause, sentence, r.Text,
		r.A.Connector, r.A.Via, r.A.Remote, r.A.Codec, csvMOS(r.A.MOS), r.B.Connector, r.B.Via, r.B.Remote, r.B.Codec, csvMOS(r.B.MOS),
	}
	for i := range row {
		row[i] = harmless(row[i])
	}
	return row
}

func csvTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func csvMOS(m float64) string {
	if m == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", m)
}

// harmless keeps a spreadsheet from taking what a caller calls itself for a formula; some
// look behind spaces and line ends for one. Telephone numbers begin with + and stay as
// they are.
func harmless(cell string) string {
	begin := strings.TrimLeftFunc(cell, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r == '\ufeff' })
	if begin == "" || !strings.ContainsRune("=+-@", rune(begin[0])) && (begin == cell || !unicode.IsControl(rune(cell[0]))) {
		return cell
	}
	if cell[0] == '+' && strings.Trim(cell[1:], "0123456789") == "" {
		return cell
	}
	return "'" + cell
}
