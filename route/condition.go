package route

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"tandem/call"
)

// protocols are what calls can come by, as rules name them.
var protocols = [...]string{call.ProtocolSIP, call.ProtocolWebRTC, call.ProtocolVoice, call.ProtocolH323, call.ProtocolMeet}

// conditions are what a rule wants of a call besides its aliases.
type conditions struct {
	registered bool
	protocols  []string
	locations  []string
	tags       []string
	networks   []netip.Prefix
	sent       sent
	times      times
}

func (rc RuleConfig) compileConditions(zone string, bad func(error, string)) conditions {
	c := conditions{registered: rc.Registered, protocols: rc.Protocols, locations: rc.Locations, tags: rc.CallerTags}
	for i, p := range rc.Protocols {
		if !slices.Contains(protocols[:], p) {
			bad(fmt.Errorf("%q is none of %s", p, strings.Join(protocols[:], ", ")), fmt.Sprintf("protocols[%d]", i))
		}
	}
	for i, n := range rc.Networks {
		p, err := Network(n)
		if err != nil {
			bad(err, fmt.Sprintf("networks[%d]", i))
		}
		c.networks = append(c.networks, p)
	}
	for field, all := range map[string][]string{"locations": rc.Locations, "caller_tags": rc.CallerTags} {
		for i, one := range all {
			if one == "" {
				bad(errors.New("is empty"), fmt.Sprintf("%s[%d]", field, i))
			}
		}
	}
	c.sent = rc.compileSent(bad)
	c.times = rc.compileTimes(zone, bad)
	return c
}

// Network reads an address or a prefix.
func Network(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, fmt.Errorf("%q is neither an address nor a network such as 192.0.2.0/24", text)
	}
	return p.Masked(), nil
}

// A clock tells the time of a call in the zones that rules ask for. It remembers
// the last one: most plans have one zone.
type clock struct {
	at  time.Time
	now moment
}

func (c *clock) in(zone *time.Location) *moment {
	if c.now.zone != zone {
		c.now = momentAt(c.at, zone)
	}
	return &c.now
}

// hold returns fits, or which condition does not hold.
func (c *conditions) hold(r *call.Request, clock *clock) mismatch {
	switch {
	case c.registered && !r.Registered:
		return notRegistered
	case len(c.protocols) > 0 && !slices.Contains(c.protocols, r.Protocol):
		return wrongProtocol
	case len(c.locations) > 0 && !slices.Contains(c.locations, r.Location):
		return wrongLocation
	case len(c.tags) > 0 && !slices.Contains(c.tags, r.Tag):
		return wrongTag
	case len(c.networks) > 0 && !within(c.networks, r.Source):
		return wrongNetwork
	}
	if no := c.sent.hold(r); no != fits {
		return no
	}
	switch {
	case !c.times.any():
		return fits
	case clock.at.IsZero():
		return noTime
	case !c.times.holds(clock.in(c.times.zone)):
		return wrongTime
	}
	return fits
}

func within(networks []netip.Prefix, a netip.Addr) bool {
	a = a.Unmap()
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(a) })
}

// explain puts into words why a condition does not hold.
func (c *conditions) explain(no mismatch, r *call.Request, clock *clock) string {
	switch no {
	case notRegistered:
		return "only for callers that are registered here"
	case wrongProtocol:
		return fmt.Sprintf("only for calls by %s; this one comes by %s", orList(c.protocols), orNothing(r.Protocol, "no protocol that was told"))
	case wrongLocation:
		return fmt.Sprintf("only for callers in %s; this one is in %s", orList(c.locations), orNothing(r.Location, "no location"))
	case wrongTag:
		return fmt.Sprintf("only for callers with the tag %s; this one has %s", orList(c.tags), orNothing(r.Tag, "none"))
	case wrongNetwork:
		var all []string
		for _, p := range c.networks {
			all = append(all, p.String())
		}
		source := "an address that is not known"
		if r.Source.IsValid() {
			source = r.Source.String()
		}
		return fmt.Sprintf("only for callers at %s; this one is at %s", orList(all), source)
	case wrongHeader, wrongCodec:
		return c.sent.explain(no, r)
	case wrongTime:
		return fmt.Sprintf("%s; it is %s there", c.times.String(), clock.at.In(c.times.zone).Format("Mon 2006-01-02 15:04"))
	case noTime:
		return c.times.String() + ", and no time was told"
	}
	return ""
}

func orList(all []string) string { return strings.Join(all, " or ") }

func orNothing(s, nothing string) string {
	if s == "" {
		return nothing
	}
	return s
}
