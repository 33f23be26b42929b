package route

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// A Location is a place where callers are, or machines of the gateway.
type Location struct {
	Name     string   `yaml:"name"`
	Note     string   `yaml:"note,omitempty"`     // what it is for, for people
	Networks []string `yaml:"networks,omitempty"` // addresses of callers who are there; of two that fit the smaller one counts
	Nodes    []string `yaml:"nodes,omitempty"`    // machines that stand there: callers in no location's networks are where their machine is
	Proxy    string   `yaml:"proxy,omitempty"`    // SIP proxy for calls from there to addresses elsewhere
}

// Places finds locations. It is immutable.
type Places struct {
	networks []place // the smallest first
	nodes    map[string]string
	proxies  map[string]string
}

type place struct {
	network netip.Prefix
	name    string
}

// NewPlaces checks locations and makes them findable. All errors are reported at once.
func NewPlaces(all []Location) (*Places, error) {
	p := &Places{nodes: make(map[string]string), proxies: make(map[string]string)}
	var errs []error
	names, networks := make(map[string]bool), make(map[netip.Prefix]string)
	for i, l := range all {
		switch {
		case l.Name == "":
			errs = append(errs, wrong(errors.New("a location needs a name"), "[%d].name", i))
		case names[l.Name]:
			errs = append(errs, wrong(fmt.Errorf("%q is used twice", l.Name), "[%d].name", i))
		}
		names[l.Name], p.proxies[l.Name] = true, l.Proxy
		for n, text := range l.Networks {
			network, err := Network(text)
			if err == nil && networks[network] != "" {
				err = fmt.Errorf("%s is in the location %q already", network, networks[network])
			}
			if err != nil {
				errs = append(errs, wrong(err, "[%d].networks[%d]", i, n))
				continue
			}
			networks[network] = l.Name
			p.networks = append(p.networks, place{network, l.Name})
		}
		for n, node := range l.Nodes {
			if at := p.nodes[node]; at != "" {
				errs = append(errs, wrong(fmt.Errorf("%q stands in the location %q already", node, at), "[%d].nodes[%d]", i, n))
			}
			p.nodes[node] = l.Name
		}
	}
	slices.SortStableFunc(p.networks, func(a, b place) int { return b.network.Bits() - a.network.Bits() })
	return p, errors.Join(errs...)
}

// Of is the name of the location of a caller at an address, whose call a machine
// takes; "" when it is in none.
func (p *Places) Of(a netip.Addr, node string) string {
	a = a.Unmap()
	for _, one := range p.networks {
		if one.network.Contains(a) {
			return one.name
		}
	}
	return p.nodes[node]
}

// Proxy is the SIP proxy of a location; "" when it has none.
func (p *Places) Proxy(location string) string { return p.proxies[location] }
