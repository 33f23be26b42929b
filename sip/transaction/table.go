package transaction

// A table is a map that gives its memory back: Go's keep the size they once had, and a
// flood leaves them large. Its user locks it.
type table[K comparable, V any] struct {
	m    map[K]V
	most int // entries since m was made
}

// smallTable is up to how many entries a table is not worth making again.
const smallTable = 64

func (t *table[K, V]) put(k K, v V) {
	if t.m == nil {
		t.m = make(map[K]V)
	}
	t.m[k] = v
	t.most = max(t.most, len(t.m))
}

// remove takes k out. When an eighth of what was there is left, that moves to a map of
// its size: seven have left for each that moves.
func (t *table[K, V]) remove(k K) {
	delete(t.m, k)
	if t.most <= smallTable || len(t.m) > t.most/8 {
		return
	}
	left := make(map[K]V, len(t.m))
	for k, v := range t.m {
		left[k] = v
	}
	t.m, t.most = left, len(left)
}
