package cluster

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// viewOf reads "a* b" as the active machine a and the draining b, and "x=a y" as
// leases.
func viewOf(nodes, leases string) *View {
	v := &View{}
	for _, name := range strings.Fields(nodes) {
		n := Node{Name: strings.TrimRight(name, "*+"), State: Draining, Session: 1}
		switch {
		case strings.HasSuffix(name, "*"):
			n.State = Active
		case strings.HasSuffix(name, "+"):
			n.State = Dead
		}
		v.Nodes = append(v.Nodes, n)
	}
	for _, text := range strings.Fields(leases) {
		name, node, _ := strings.Cut(text, "=")
		l := Lease{Resource: name, Node: strings.TrimSuffix(node, "!"), Session: 1}
		if strings.HasSuffix(node, "!") {
			l.Session = 0 // of the machine's session before
		}
		v.Leases = append(v.Leases, l)
	}
	return v
}

func TestPlan(t *testing.T) {
	for _, test := range []struct {
		name, nodes, leases, wanted, busy string
		want                              string // of machine a
	}{
		{"the only machine takes all", "a*", "", "x y z", "", "take x y z"},
		{"two machines take a half each", "a* b*", "", "w x y z", "", "take w x"},
		{"the first may take one more", "a* b*", "", "x y z", "", "take x y"},
		{"what a dead machine held is free", "a* b+", "x=a y=b", "x y", "", "take y"},
		{"what a machine held before its restart is free", "a* b*", "x=a! y=b", "x y", "", "take x"},
		{"a fair share is enough", "a* b* c+", "w=a x=b y=c z=c", "w x y z", "", "take y"},
		{"who has two more gives one", "a* b*", "x=a y=a", "x y", "", "give x"},
		{"but not one that is in use", "a* b*", "x=a y=a", "x y", "x", "give y"},
		{"and waits when all are", "a* b*", "x=a y=a", "x y", "x y", ""},
		{"who has one more keeps it", "a* b*", "x=a y=a z=b", "x y z", "", ""},
		{"nothing moves while something is free", "a* b*", "w=a x=a y=a", "w x y z", "", ""},
		{"a draining machine gives all, in use or not", "a b*", "x=a y=a", "x y", "x", "give x y"},
		{"and takes nothing", "a b*", "", "x y", "", ""},
		{"what is not wanted any more is given", "a*", "x=a old=a", "x", "", "give old"},
		{"nothing is wanted", "a*", "", "", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			busy := strings.Fields(test.busy)
			s := plan("a", viewOf(test.nodes, test.leases), strings.Fields(test.wanted), func(r string) bool { return slices.Contains(busy, r) })
			var got []string
			if len(s.take) > 0 {
				got = append(got, "take")
			}
			for _, l := range s.take {
				got = append(got, l.Resource)
			}
			if len(s.give) > 0 {
				got = append(got, "give")
			}
			got = append(got, s.give...)
			if fmt.Sprint(strings.Join(got, " ")) != test.want {
				t.Errorf("got %q, want %q", strings.Join(got, " "), test.want)
			}
		})
	}
}
