package sdp

import (
	"bytes"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tandem/media"
)

// violations are the rules of offer/answer that an answer breaks: RFC 3264 §6, RFC
// 5761 §5.1.1, RFC 4145 §4.1, RFC 4568 §5.1.2, RFC 8839, RFC 9143 §7.3.
func violations(offer, answer *Description) []string {
	var v []string
	say := func(format string, a ...any) { v = append(v, fmt.Sprintf(format, a...)) }
	if len(offer.Media) != len(answer.Media) {
		say("%d m-lines offered, %d answered", len(offer.Media), len(answer.Media))
		return v
	}
	var live []string
	for i := range offer.Media {
		o, a := section{offer, &offer.Media[i]}, section{answer, &answer.Media[i]}
		if o.m.Kind != a.m.Kind || o.m.Profile != a.m.Profile {
			say("m-line %d: %s %s answered with %s %s", i, o.m.Kind, o.m.Profile, a.m.Kind, a.m.Profile)
		}
		if o.m.Port == 0 && a.m.Port != 0 {
			say("m-line %d: an ended stream came to life", i)
		}
		if a.mid() != "" && a.mid() != o.mid() {
			say("m-line %d: mid %q became %q", i, o.mid(), a.mid())
		}
		if len(a.m.Formats) == 0 {
			say("m-line %d: no format", i)
		}
		if a.m.Port != 0 {
			live = append(live, a.mid())
			checkLive(say, i, o, a)
		}
	}
	for _, at := range answer.Attributes {
		if at.Name != "group" {
			continue
		}
		for _, mid := range strings.Fields(at.Value)[1:] {
			if !slices.Contains(live, mid) || !strings.Contains(groups(offer), " "+mid) {
				say("group %q holds what was not offered or is rejected", at.Value)
			}
		}
	}
	return append(v, wireViolations(answer)...)
}

func groups(d *Description) string {
	v, _ := d.Attribute("group")
	return v
}

func checkLive(say func(string, ...any), i int, o, a section) {
	if _, floor := a.m.floorControl(); floor {
		if strings.Join(a.m.Formats, " ") != "*" || o.m.Profile != a.m.Profile {
			say("m-line %d: floor control is %s %v", i, a.m.Profile, a.m.Formats)
		}
		return // it has no formats, ICE or keys
	}
	offered := o.m.formats()
	for _, f := range a.m.formats() {
		if !slices.ContainsFunc(offered, func(g format) bool { return g.PayloadType == f.PayloadType && same(g.Codec, f.Codec) }) {
			say("m-line %d: payload type %d is %s, not what was offered", i, f.PayloadType, f.encoding)
		}
	}
	if n := len(a.m.formats()); n == 0 || n != len(a.m.Formats) {
		say("m-line %d: a format without meaning in %v", i, a.m.Formats)
	}
	theirs, ours := o.direction(), a.direction()
	if ours.Sends() && !theirs.Receives() || ours.Receives() && !theirs.Sends() {
		say("m-line %d: %s answered with %s", i, theirs, ours)
	}
	for _, name := range []string{"rtcp-mux", "fingerprint", "ice-ufrag", "crypto", "setup"} {
		_, was := o.value(name)
		_, is := a.value(name)
		if is && !was && !(name == "setup" && len(o.fingerprints()) > 0) {
			say("m-line %d: %s was not offered", i, name)
		}
	}
	checkKeys(say, i, o, a)
	if a.connection().Address == "" {
		say("m-line %d: no c= line", i)
	}
}

func checkKeys(say func(string, ...any), i int, o, a section) {
	offer, _ := o.value("setup")
	answer, is := a.value("setup")
	if is && !slices.Contains(map[string][]string{
		"actpass": {"active", "passive"}, "active": {"passive"}, "passive": {"active"}, "": {"passive"},
	}[strings.ToLower(offer)], answer) {
		say("m-line %d: setup %s answered with %s", i, offer, answer)
	}
	p, _ := parseProfile(o.m.Profile)
	if p.secure && len(a.fingerprints()) == 0 && len(a.cryptos()) == 0 {
		say("m-line %d: %s without keys", i, o.m.Profile)
	}
	if len(a.cryptos()) > 1 {
		say("m-line %d: %d crypto lines", i, len(a.cryptos()))
	}
	for _, c := range a.cryptos() {
		if !slices.ContainsFunc(o.cryptos(), func(f Crypto) bool { return f.Tag == c.Tag && f.Suite == c.Suite }) {
			say("m-line %d: crypto %v was not offered", i, c)
		}
	}
}

// wireViolations checks the written form: CRLF, order of lines, and that reading it
// again gives the same.
func wireViolations(d *Description) []string {
	wire := d.Append(nil)
	again, err := Parse(wire)
	if err != nil {
		return []string{"what was written cannot be read: " + err.Error()}
	}
	var v []string
	if second := again.Append(nil); !bytes.Equal(wire, second) {
		v = append(v, fmt.Sprintf("written, read and written again differs:\n%s\n%s", wire, second))
	}
	order := "vosiuepcbtrzka"
	at := 0
	for _, line := range strings.Split(strings.TrimSuffix(string(wire), "\r\n"), "\r\n") {
		if len(line) < 3 || line[1] != '=' || strings.ContainsAny(line, "\r\n") {
			v = append(v, fmt.Sprintf("bad line %q", line))
			continue
		}
		if line[0] == 'm' {
			at, order = 0, "micbka"
			continue
		}
		n := strings.IndexByte(order, line[0])
		if n < at {
			v = append(v, fmt.Sprintf("line %q is out of order", line))
		}
		at = n
	}
	return v
}

var policies = []Security{Plain, SDES, DTLS, Opportunistic}

// gateway is a leg that can do everything.
func gateway(policy Security) (Capabilities, Transport) {
	caps := Capabilities{
		Audio: []Codec{
			{Name: "OPUS", Clock: 48000, Channels: 2, PayloadType: 107, FMTP: "useinbandfec=1"},
			{Name: "G722", Clock: 8000, PayloadType: 9},
			{Name: "PCMU", Clock: 8000, PayloadType: 0},
			{Name: "PCMA", Clock: 8000, PayloadType: 8},
		},
		Events:   []media.Event{{PayloadType: 101, Clock: 8000}, {PayloadType: 110, Clock: 48000}},
		Security: policy, Mux: MuxOffer, ICE: ICEFull,
		Origin: Origin{Session: "4711"}, Name: "Tandem",
	}
	tr := Transport{
		Address: netip.MustParseAddr("203.0.113.1"), Port: 40000,
		Ufrag: "ourUfrag", Password: "ourPassword0123456789ab",
		Candidates: []Candidate{{
			Foundation: "1", Component: 1, Transport: "UDP", Priority: 2130706431,
			Address: "203.0.113.1", Port: 40000, Type: "host",
		}},
	}
	if policy == DTLS || policy == Opportunistic {
		tr.Fingerprints = []Fingerprint{{"sha-256", strings.TrimSuffix(strings.Repeat("AB:", 32), ":")}}
	}
	if policy == SDES || policy == Opportunistic {
		for i, s := range []Suite{AES256GCM, AES128GCM, AES128CMSHA1_80, AES128CMSHA1_32} {
			tr.Crypto = append(tr.Crypto, Crypto{Suite: s, Key: bytes.Repeat([]byte{byte(i + 1)}, s.KeyLen())})
		}
	}
	return caps, tr
}

// phone is a leg that knows nothing modern.
func phone() (Capabilities, Transport) {
	caps := Capabilities{
		Audio:  []Codec{{Name: "PCMU", Clock: 8000, PayloadType: 0}, {Name: "PCMA", Clock: 8000, PayloadType: 8}},
		Events: []media.Event{{PayloadType: 101, Clock: 8000}},
		Origin: Origin{Session: "1", Address: "192.0.2.9"},
	}
	return caps, Transport{Address: netip.MustParseAddr("192.0.2.9"), Port: 5004}
}

func mustParse(t *testing.T, text string) *Description {
	t.Helper()
	d, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func mustAnswer(t *testing.T, caps Capabilities, tr Transport, offer *Description, prefer string) (*Description, Agreed) {
	t.Helper()
	answer, agreed, err := Answer(caps, tr, offer, prefer)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range violations(offer, answer) {
		t.Errorf("rule broken: %s", v)
	}
	return answer, agreed
}

// simple is an offer of one PCMU stream with extra attribute lines.
func simple(profile string, lines ...string) string {
	s := "v=0\no=- 1 1 IN IP4 192.0.2.7\ns=-\nc=IN IP4 192.0.2.7\nt=0 0\nm=audio 6000 " + profile + " 0 101\na=rtpmap:0 PCMU/8000\na=rtpmap:101 telephone-event/8000\n"
	for _, l := range lines {
		s += l + "\n"
	}
	return s
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func version(t *testing.T, d *Description) int {
	t.Helper()
	n, err := strconv.Atoi(d.Origin.Version)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
