package flow

import (
	"net/netip"
	"strings"

	"tandem/sip"
)

// fixVia writes into the top Via of a request where it came from (RFC 3261
// §18.2.1, RFC 3581 §4): received if the sent-by host is another or rport was
// asked for, and rport's value. What the sender itself put there is replaced, so
// that nobody can point our answers elsewhere.
func fixVia(m *sip.Message, f *Flow) {
	i := viaIndex(m)
	if i < 0 {
		return
	}
	value, rest := splitVia(m.Headers[i].Value)
	v, err := sip.ParseVia(value)
	if err != nil {
		return // Check has passed it, so this does not happen
	}
	rport, asked := v.Params.Get("rport")
	switch {
	case v.Params.Has("received") || rport != "":
		v.Params = v.Params.Without("received")
		if asked {
			v.Params = v.Params.With("rport", f.port)
		}
		if asked || !sameHost(v.Host, f) {
			v.Params = v.Params.With("received", bracketless(f.host))
		}
		value = v.String()
	case asked:
		value = fillRport(value, v, f)
	case !sameHost(v.Host, f):
		value += ";received=" + f.host
	default:
		return
	}
	m.Headers[i].Value = value + rest
}

func bracketless(h string) string { return strings.Trim(h, "[]") }

// fillRport fills the empty rport of value in one allocation if its spelling is
// the common one.
func fillRport(value string, v sip.Via, f *Flow) string {
	if i := strings.Index(value, ";rport"); i > 0 {
		end := i + len(";rport")
		if end == len(value) || value[end] == ';' {
			return value[:end] + "=" + f.port + ";received=" + f.host + value[end:]
		}
	}
	v.Params = v.Params.With("rport", f.port).With("received", f.host)
	return v.String()
}

func sameHost(host string, f *Flow) bool {
	if host == f.host {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap() == f.remote.Addr()
}

func viaIndex(m *sip.Message) int {
	for i := range m.Headers {
		if m.Headers[i].Name == "Via" {
			return i
		}
	}
	return -1
}

// splitVia cuts a Via header after its first element; rest begins with the comma.
func splitVia(s string) (first, rest string) {
	if strings.IndexByte(s, ',') < 0 {
		return s, ""
	}
	quoted := false
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if quoted {
				i++
			}
		case '"':
			quoted = !quoted
		case ',':
			if !quoted {
				return strings.TrimRight(s[:i], " \t"), s[i:]
			}
		}
	}
	return s, ""
}

// answerTo is where answers to a datagram from src go. With rport, and whenever
// the sender's own idea of its address is not the one we see (NAT), that is src;
// a sender that names its true address and no rport gets them on the port it names
// (RFC 3261 §18.2.2). maddr and foreign hosts are ignored: we send nothing to
// third parties (goals R-3).
func answerTo(m *sip.Message, f *Flow) netip.AddrPort {
	v, err := m.Via()
	if err != nil || v.Params.Has("rport") || !sameHost(v.Host, f) {
		return f.remote
	}
	port := v.Port
	if port == 0 {
		port = int(networks[udp].port)
	}
	return netip.AddrPortFrom(f.remote.Addr(), uint16(port))
}
