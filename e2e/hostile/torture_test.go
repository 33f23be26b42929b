package hostile

import (
	"encoding/hex"
	"errors"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// silence is the answer of those who get none.
const silence = 0

// row is one message and what the RFC has the gateway answer. A stranger's INVITE
// or REGISTER that is well formed gets as far as the challenge.
type row struct {
	name     string
	udp, tcp int
	header   string // must be in the answer
}

func same(name string, status int, header ...string) row {
	return row{name, status, status, strings.Join(header, "")}
}

var rfc4475 = []row{
	same("wsinv", 481), // its To has a tag: a dialog that we never had
	same("intmeth", 501, "Allow"),
	same("esc01", 401, "Www-Authenticate"),
	same("escnull", 401),
	same("esc02", 501, "Allow"), // a method is not unescaped: this is no REGISTER
	same("lwsdisp", 200, "Allow"),
	same("longreq", 401),
	same("dblreq", 401),
	same("semiuri", 200),
	same("transports", 200),
	same("mpart01", 405, "Allow"),
	same("unreason", silence),
	same("noreason", silence),
	same("badinv01", 400, "Warning"),
	{"clerr", 400, silence, "Warning"}, // on a stream the rest may still come
	same("ncl", 400, "Warning"),
	same("scalar02", 400, "Warning"),
	same("scalarlg", silence),
	same("quotbal", 400, "Warning"),
	same("ltgtruri", 400, "Warning"),
	same("lwsruri", 400, "Warning"),
	same("lwsstart", 400, "Warning"),
	same("trws", 400, "Warning"),
	same("escruri", 400, "Warning"),
	same("baddate", 401),
	same("regbadct", 400, "Warning"),
	same("badaspec", 400, "Warning"),
	same("baddn", 400, "Warning"),
	same("badvers", 505),
	same("mismatch01", 400, "Warning"),
	same("mismatch02", 400, "Warning"),
	same("bigcode", silence),
	same("badbranch", 400, "Warning"),
	same("insuf", 400, "Warning"),
	same("unkscm", 416),
	same("novelsc", 416),
	same("unksm2", 400, "Warning"),
	same("bext01", 420, "Unsupported"),
	same("invut", 415, "Accept"),
	same("regaut01", 401, "Www-Authenticate"),
	same("multi01", 400, "Warning"),
	same("mcl01", 400, "Warning"),
	same("bcast", silence),
	same("zeromf", 483), // for another host, and no hop is left
	same("cparam01", 401),
	same("cparam02", 401),
	same("regescrt", 401),
	same("sdp01", 406),
	{"inv2543", 401, 400, ""}, // a stream needs a Content-Length
}

var rfc5118 = []row{
	same("4.1-ipv6-good", 401),
	same("4.2-ipv6-bad", 400, "Warning"),
	same("4.3-port-ambiguous", 401),
	same("4.4-port-unambiguous", 401),
	same("4.5-via-received-with-delim", 481),
	same("4.5-via-received-no-delim", 481),
	same("4.6-ipv6-in-sdp", 401),
	same("4.7-mult-ip-in-header", 481),
	same("4.8-mult-ip-in-sdp", 401),
	same("4.9-ipv4-mapped-ipv6", 401),
	same("4.10-abnf-bug-third-colon", 200),
	same("4.10-abnf-fixed", 200),
}

func TestRFC4475OnTheWire(t *testing.T) { torture(t, "rfc4475.txtar", rfc4475) }

func TestRFC5118OnTheWire(t *testing.T) { torture(t, "rfc5118.txtar", rfc5118) }

func torture(t *testing.T, file string, rows []row) {
	r := start(t, nil)
	messages := archive(t, file)
	if len(messages) != len(rows) {
		t.Errorf("%d messages, %d rows", len(messages), len(rows))
	}
	for _, network := range []string{"udp", "tcp"} { // one after the other: some share branch, Call-ID and CSeq, and could be merged requests
		t.Run(network, func(t *testing.T) {
			for _, row := range rows {
				want := row.udp
				if network == "tcp" {
					want = row.tcp
				}
				t.Run(row.name, func(t *testing.T) { r.torture(t, network, messages[row.name], want, row.header) })
			}
		})
	}
	r.serves(t)
}

func (r *rig) torture(t *testing.T, network, message string, want int, header string) {
	c := r.dial(t, network)
	if _, err := io.WriteString(c, message); err != nil {
		t.Fatal(err)
	}
	wait := patience
	if want == silence {
		wait = 300 * time.Millisecond
	}
	got, err := final(c, network, wait)
	switch {
	case want == silence && (isTimeout(err) || network == "tcp" && errors.Is(err, io.EOF)):
		return
	case want == silence:
		t.Fatalf("answered %+v (%v), want silence", got, err)
	case err != nil:
		t.Fatalf("no answer, want %d: %v", want, err)
	case got.status != want:
		t.Fatalf("answered %d, want %d:\n%s", got.status, want, got.raw)
	case header != "" && got.head.Get(header) == "":
		t.Errorf("the answer has no %s:\n%s", header, got.raw)
	case got.reason == "":
		t.Errorf("the answer has no reason phrase")
	}
	if id := callID(message); id != "" && got.head.Get("Call-Id") != id {
		t.Errorf("the answer's Call-ID is %q, want %q", got.head.Get("Call-Id"), id)
	}
}

var callIDLine = regexp.MustCompile(`(?im)^(?:call-id|i)[ \t]*:[ \t]*(.*?)\r$`)

// callID is that of a message with just one.
func callID(m string) string {
	if all := callIDLine.FindAllStringSubmatch(m, -1); len(all) == 1 {
		return all[0][1]
	}
	return ""
}

// serves demands that a plain OPTIONS is answered on every network, and within 50 ms
// in a run that is timed.
func (r *rig) serves(t *testing.T) {
	t.Helper()
	for _, network := range []string{"udp", "tcp", "tls"} {
		var took time.Duration
		for range 3 {
			if took = r.ping(t, network); took < 50*time.Millisecond {
				break
			}
		}
		if timed(t) && took >= 50*time.Millisecond {
			t.Errorf("OPTIONS over %s took %v", network, took)
		}
	}
}

func (r *rig) ping(t *testing.T, network string) time.Duration {
	t.Helper()
	c := r.dial(t, network)
	defer c.Close()
	began := time.Now()
	for time.Since(began) < patience { // UDP may lose one under load
		if _, err := io.WriteString(c, request("OPTIONS", "sip:tandem.example", network)); err != nil {
			t.Fatal(err)
		}
		a, err := final(c, network, time.Second)
		if err == nil && a.status == 200 {
			return time.Since(began)
		}
		if err != nil && !isTimeout(err) && !errors.Is(err, io.EOF) {
			t.Fatalf("OPTIONS over %s: %v", network, err)
		}
	}
	t.Fatalf("OPTIONS over %s is not answered", network)
	return 0
}

var (
	oneLine  = regexp.MustCompile(`(?s)<allOneLine>\n(.*?)\n</allOneLine>`)
	hexBytes = regexp.MustCompile(`<hex>([0-9A-Fa-f\s]*)</hex>`)
	repeat   = regexp.MustCompile(`<repeat count=(\d+)>(.*?)</repeat>`)
)

// archive reads messages in the notation of RFC 4475 §2.
func archive(t testing.TB, name string) map[string]string {
	t.Helper()
	b, err := os.ReadFile("../../sip/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range txtar.Parse(b).Files {
		all[f.Name] = wire(t, string(f.Data))
	}
	return all
}

func wire(t testing.TB, s string) string {
	t.Helper()
	s = oneLine.ReplaceAllStringFunc(s, func(m string) string {
		return strings.ReplaceAll(oneLine.FindStringSubmatch(m)[1], "\n", "")
	})
	s = repeat.ReplaceAllStringFunc(s, func(m string) string {
		p := repeat.FindStringSubmatch(m)
		n, err := strconv.Atoi(p[1])
		if err != nil {
			t.Fatal(err)
		}
		return strings.Repeat(p[2], n)
	})
	s = strings.ReplaceAll(s, "\n", "\r\n") // before the bytes of <hex>, which stay
	return hexBytes.ReplaceAllStringFunc(s, func(m string) string {
		b, err := hex.DecodeString(strings.Join(strings.Fields(hexBytes.FindStringSubmatch(m)[1]), ""))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	})
}
