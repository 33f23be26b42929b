package flow

// generations is a map that forgets what was not used for long, at no cost per
// use: two maps, the young one of which replaces the old one when it is half of
// the bound. It is not safe for concurrent use.
type generations[K comparable, V any] struct {
	half       int
	young, old map[K]V
	keep       func(V) bool // rather forget others; may be nil
	forgotten  func(n int)  // may be nil
}

func newGenerations[K comparable, V any](bound int) generations[K, V] {
	return generations[K, V]{half: max(bound/2, 1), young: make(map[K]V)}
}

func (g *generations[K, V]) get(k K) (V, bool) {
	if v, ok := g.young[k]; ok {
		return v, true
	}
	v, ok := g.old[k]
	if ok {
		delete(g.old, k)
		g.put(k, v)
	}
	return v, ok
}

func (g *generations[K, V]) put(k K, v V) {
	if len(g.young) >= g.half {
		g.turn()
	}
	g.young[k] = v
}

func (g *generations[K, V]) turn() {
	lost := g.old
	g.old, g.young = g.young, make(map[K]V, g.half/4)
	for k, v := range lost {
		// Half of the room stays free, so that turns are seldom whatever keep says.
		if g.keep == nil || len(g.young) >= g.half/2 {
			break
		}
		if g.keep(v) {
			g.young[k] = v
		}
	}
	if n := len(lost) - len(g.young); g.forgotten != nil && n > 0 {
		g.forgotten(n)
	}
}

func (g *generations[K, V]) delete(k K) {
	delete(g.young, k)
	delete(g.old, k)
}

func (g *generations[K, V]) each(fn func(V)) {
	for _, v := range g.young {
		fn(v)
	}
	for _, v := range g.old {
		fn(v)
	}
}

func (g *generations[K, V]) len() int { return len(g.young) + len(g.old) }
