package route

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"tandem/call"
	"tandem/internal/rewrite"
)

// A HeaderMatch asks for a header of the request that calls, such as the INVITE of SIP.
// Whoever calls writes it: it tells calls apart, and proves nothing.
type HeaderMatch struct {
	Name  string `yaml:"name"`
	Match string `yaml:"match,omitempty"` // RE2 for the whole of one value, in any case; default any
}

// maxHeaders bounds what one rule looks at.
const maxHeaders = 16

// codecs are the names of audio and video that rules can ask for.
var codecs = [...]string{"opus", "g722", "pcmu", "pcma", "h264", "vp8"}

// sent is what a rule wants of what the caller has sent.
type sent struct {
	headers []header
	codecs  []string // one of them is offered
}

type header struct {
	name  string
	match *regexp.Regexp
}

func (rc RuleConfig) compileSent(bad func(error, string)) (s sent) {
	if len(rc.Headers) > maxHeaders {
		bad(fmt.Errorf("there are %d, more than %d", len(rc.Headers), maxHeaders), "headers")
	}
	for i, h := range rc.Headers {
		at := fmt.Sprintf("headers[%d]", i)
		if err := checkHeader(h.Name); err != nil {
			bad(err, at+".name")
		}
		match, err := rewrite.Whole(h.Match, true)
		if err != nil {
			bad(err, at+".match")
		}
		s.headers = append(s.headers, header{h.Name, match})
	}
	for i, c := range rc.Codecs {
		if !slices.Contains(codecs[:], c) {
			bad(fmt.Errorf("%q is none of %s", c, strings.Join(codecs[:], ", ")), fmt.Sprintf("codecs[%d]", i))
		}
	}
	s.codecs = rc.Codecs
	return s
}

// checkHeader wants the name of a header (RFC 3261 §25.1) that is no secret.
func checkHeader(name string) error {
	switch {
	case name == "":
		return errors.New("name the header, such as X-Department")
	case strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~") != "":
		return fmt.Errorf("%q is no name of a header", name)
	case strings.EqualFold(name, "Authorization"), strings.EqualFold(name, "Proxy-Authorization"):
		return errors.New("what proves who calls is not for rules; name devices in from, or ask for registered: true")
	}
	return nil
}

// hold returns fits, or what is not as it is wanted.
func (s *sent) hold(r *call.Request) mismatch {
	for i := range s.headers {
		if !s.headers[i].in(r) {
			return wrongHeader
		}
	}
	if len(s.codecs) > 0 && !slices.ContainsFunc(s.codecs, func(c string) bool { return offers(r, c) }) {
		return wrongCodec
	}
	return fits
}

func (h *header) in(r *call.Request) bool {
	return r.Header != nil && slices.ContainsFunc(r.Header(h.name), h.match.MatchString)
}

// offers reports whether the caller offers the codec. Formats of video have more than
// their name: "H264/baseline/1".
func offers(r *call.Request, codec string) bool {
	named := func(s string) bool {
		s, _, _ = strings.Cut(s, "/")
		return strings.EqualFold(s, codec)
	}
	return slices.ContainsFunc(r.Codecs, named) || slices.ContainsFunc(r.Videos, named)
}

// explain puts into words what does not hold. What a stranger has sent is quoted, and cut.
func (s *sent) explain(no mismatch, r *call.Request) string {
	if no == wrongCodec {
		offered := strings.Join(slices.Concat(r.Codecs, r.Videos), ", ")
		return fmt.Sprintf("only for callers that offer %s; this one offers %s", orList(s.codecs), orNothing(offered, "nothing yet"))
	}
	for i := range s.headers {
		h := &s.headers[i]
		if h.in(r) {
			continue
		}
		var has []string
		if r.Header != nil {
			has = r.Header(h.name)
		}
		if len(has) == 0 {
			return fmt.Sprintf("only for calls with the header %s; this one has none", h.name)
		}
		return fmt.Sprintf("only for calls whose header %s matches %s; here it is %.100q", h.name, writtenAnyCase(h.match), has[0])
	}
	return ""
}

// writtenAnyCase is the expression as a person wrote it; see [rewrite.Whole].
func writtenAnyCase(re *regexp.Regexp) string {
	return strings.TrimSuffix(strings.TrimPrefix(re.String(), "(?i)^(?:"), ")$")
}

// cover reports whether what is wanted certainly holds wherever b's does.
func (s *sent) cover(b *sent) bool {
	for _, h := range s.headers {
		if !slices.ContainsFunc(b.headers, func(o header) bool {
			return strings.EqualFold(o.name, h.name) && (o.match.String() == h.match.String() || h.match.String() == "(?i)^(?:.*)$")
		}) {
			return false
		}
	}
	return len(s.codecs) == 0 || len(b.codecs) > 0 && !slices.ContainsFunc(b.codecs, func(c string) bool { return !slices.Contains(s.codecs, c) })
}
