package tracing

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"tandem/call"
)

// The shapes of OTLP's JSON form: identifiers in hexadecimal, 64-bit numbers as text.
type (
	request struct {
		Resources []resource `json:"resourceSpans"`
	}
	resource struct {
		Resource struct {
			Attributes []attribute `json:"attributes"`
		} `json:"resource"`
		Scopes []scope `json:"scopeSpans"`
	}
	scope struct {
		Scope struct {
			Name    string `json:"name"`
			Version string `json:"version,omitempty"`
		} `json:"scope"`
		Spans []span `json:"spans"`
	}
	span struct {
		Trace      string      `json:"traceId"`
		ID         string      `json:"spanId"`
		Parent     string      `json:"parentSpanId,omitempty"`
		Name       string      `json:"name"`
		Kind       int         `json:"kind"`
		Start      string      `json:"startTimeUnixNano"`
		End        string      `json:"endTimeUnixNano"`
		Attributes []attribute `json:"attributes,omitempty"`
		Events     []event     `json:"events,omitempty"`
		Status     status      `json:"status"`
	}
	attribute struct {
		Key   string `json:"key"`
		Value value  `json:"value"`
	}
	value struct {
		Text   *string  `json:"stringValue,omitempty"`
		Int    *string  `json:"intValue,omitempty"`
		Double *float64 `json:"doubleValue,omitempty"`
	}
	event struct {
		At         string      `json:"timeUnixNano"`
		Name       string      `json:"name"`
		Attributes []attribute `json:"attributes,omitempty"`
	}
	status struct {
		Code    int    `json:"code,omitempty"`
		Message string `json:"message,omitempty"`
	}
)

const (
	kindInternal, kindServer, kindClient = 1, 2, 3
	statusError                          = 2
)

func text(key, v string) attribute { return attribute{key, value{Text: &v}} }

func number(key string, n uint64) attribute {
	v := strconv.FormatUint(n, 10)
	return attribute{key, value{Int: &v}}
}

func double(key string, v float64) attribute { return attribute{key, value{Double: &v}} }

// TraceID is the trace of a call: who knows the call's identifier finds it.
func TraceID(call string) string { return digest("trace", call, 16) }

func digest(what, of string, n int) string {
	sum := sha256.Sum256([]byte("tandem " + what + " " + of))
	return hex.EncodeToString(sum[:n])
}

func nano(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }

// spans are a call and its legs. numbers says whether who talks to whom is told.
func spans(r call.Record, numbers bool) []span {
	root := span{
		Trace: TraceID(r.ID), ID: digest("call", r.ID, 8), Name: "call", Kind: kindInternal, Start: nano(r.Began), End: nano(r.Ended),
		Attributes: []attribute{text("tandem.call.id", r.ID), text("tandem.cause", r.Cause.String())}, Status: outcome(r),
	}
	if r.Talked > 0 {
		root.Attributes = append(root.Attributes, double("tandem.talked_s", r.Talked.Seconds()))
	}
	if numbers {
		root.Attributes = append(root.Attributes, text("tandem.from", r.From), text("tandem.to", r.To))
	}
	for _, e := range []struct {
		at   time.Time
		name string
	}{{r.Rang, "ringing"}, {r.Answered, "answered"}} {
		if !e.at.IsZero() {
			root.Events = append(root.Events, event{At: nano(e.at), Name: e.name})
		}
	}
	for _, a := range r.Tried {
		root.Events = append(root.Events, event{At: nano(r.Ended), Name: "not taken", Attributes: []attribute{
			text("tandem.connector", a.Connector), text("tandem.target", a.Target), text("tandem.cause", a.Cause.String()),
		}})
	}
	all := []span{root}
	for i, l := range []call.LegRecord{r.A, r.B} {
		if l.ID != "" {
			all = append(all, legSpan(&root, []string{"a", "b"}[i], []int{kindServer, kindClient}[i], l, numbers))
		}
	}
	return all
}

func legSpan(root *span, side string, kind int, l call.LegRecord, numbers bool) span {
	s := span{
		Trace: root.Trace, ID: digest("leg", l.ID, 8), Parent: root.ID, Name: "leg " + l.Connector, Kind: kind, Start: root.Start, End: root.End,
		Attributes: []attribute{text("tandem.leg", side), text("tandem.leg.id", l.ID), text("tandem.connector", l.Connector)},
	}
	add := func(a attribute) { s.Attributes = append(s.Attributes, a) }
	if l.Via != "" && (numbers || !dialled(l.Via)) {
		add(text("tandem.via", l.Via))
	}
	if numbers && l.Remote != "" {
		add(text("tandem.remote", l.Remote))
	}
	if l.Codec != "" {
		add(text("tandem.codec", strings.ToLower(l.Codec)))
	}
	if m := l.Media; m.PacketsIn+m.PacketsOut > 0 {
		add(number("tandem.packets_in", m.PacketsIn))
		add(number("tandem.packets_out", m.PacketsOut))
		add(number("tandem.lost", m.Lost))
		add(double("tandem.jitter_ms", float64(m.Jitter)/1e6))
		if m.RoundTrip > 0 {
			add(double("tandem.round_trip_ms", float64(m.RoundTrip)/1e6))
		}
	}
	if l.MOS > 0 {
		add(double("tandem.mos", l.MOS))
	}
	return s
}

// dialled says whether a name is somebody's number rather than a device's, trunk's or account's.
func dialled(name string) bool {
	return strings.Trim(name, "+0123456789") == "" && len(name) > 4
}

// outcome is an error when nobody got what they wanted, and nobody wished it so.
func outcome(r call.Record) status {
	switch r.Cause {
	case call.NormalClearing, call.Cancelled, call.Busy, call.NoAnswer, call.Rejected, call.TransferDone, call.AnsweredElsewhere, call.MeetingOver:
		return status{}
	}
	return status{statusError, r.Cause.Sentence()}
}
