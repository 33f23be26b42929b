package transaction

// A table is a map that gives its room back. Go's maps never shrink, and a flood would
// leave those of the transactions at the size it took them to. Who uses it locks it.
type table[K comparable, V any] struct {
	m    map[K]*V
	most int // entries since m was made
}

// A table that never was larger stays as it is.
const smallTable = 256

func (t *table[K, V]) get(k K) *V { return t.m[k] }

// add enters v. It reports false if there is something under its key.
func (t *table[K, V]) add(k K, v *V) bool {
	if t.m[k] != nil {
		return false
	}
	if t.m == nil {
		t.m = make(map[K]*V)
	}
	t.m[k] = v
	t.most = max(t.most, len(t.m))
	return true
}

// remove takes v out. It reports false if it is not, or no longer, under its key.
func (t *table[K, V]) remove(k K, v *V) bool {
	if v == nil || t.m[k] != v {
		return false
	}
	delete(t.m, k)
	if t.most > smallTable && len(t.m) < t.most/8 {
		t.shrink()
	}
	return true
}

// shrink moves what is left to a map of its own size. There were seven removals for
// each entry that is moved.
func (t *table[K, V]) shrink() {
	m := make(map[K]*V, len(t.m))
	for k, v := range t.m {
		m[k] = v
	}
	t.m, t.most = m, len(m)
}
