package cluster

import "slices"

// Steps are what a member does next.
type steps struct {
	take []Lease  // free: by their present fence
	give []string // resources
}

// plan decides for self: what is free and wanted is taken up to a fair share, and
// who has more than others gives one idle resource away at a time. busy reports
// whether a resource is in use, and so not moved for balance's sake.
func plan(self string, v *View, wanted []string, busy func(string) bool) steps {
	active := activeNodes(v)
	held := make(map[string]int)
	var mine, free []Lease
	for _, name := range wanted {
		l := leaseOf(v, name)
		switch {
		case !v.holds(l):
			free = append(free, l)
			continue
		case l.Node == self:
			mine = append(mine, l)
		}
		held[l.Node]++
	}
	s := steps{give: unwanted(self, v, wanted)}
	if !slices.Contains(active, self) {
		for _, l := range mine {
			s.give = append(s.give, l.Resource)
		}
		return s
	}
	share := (len(wanted) + len(active) - 1) / len(active)
	if room := share - held[self]; room > 0 {
		s.take = free[:min(room, len(free))]
	}
	if len(free) == 0 && held[self] > least(held, active)+1 {
		for _, l := range mine {
			if !busy(l.Resource) {
				s.give = append(s.give, l.Resource)
				break
			}
		}
	}
	return s
}

// activeNodes are those that take leases.
func activeNodes(v *View) (names []string) {
	for _, n := range v.Nodes {
		if n.State == Active {
			names = append(names, n.Name)
		}
	}
	return names
}

func leaseOf(v *View, resource string) Lease {
	for _, l := range v.Leases {
		if l.Resource == resource {
			return l
		}
	}
	return Lease{Resource: resource}
}

// unwanted are the resources that self holds and nobody wants any more.
func unwanted(self string, v *View, wanted []string) (out []string) {
	for _, l := range v.Leases {
		if l.Node == self && v.holds(l) && !slices.Contains(wanted, l.Resource) {
			out = append(out, l.Resource)
		}
	}
	return out
}

func least(held map[string]int, nodes []string) int {
	n := held[nodes[0]]
	for _, name := range nodes {
		n = min(n, held[name])
	}
	return n
}
