package transaction

import (
	"runtime"
	"testing"
)

func TestATableHoldsWhatWasPut(t *testing.T) {
	var tab table[int, int]
	tab.remove(1) // of an empty one
	for i := range 5000 {
		tab.put(i, -i)
	}
	for i := range 4990 {
		if tab.m[i] != -i {
			t.Fatalf("%d is %d", i, tab.m[i])
		}
		tab.remove(i)
		if len(tab.m) != 5000-i-1 {
			t.Fatalf("%d entries after %d were removed", len(tab.m), i+1)
		}
	}
	for i := 4990; i < 5000; i++ {
		if tab.m[i] != -i {
			t.Errorf("%d is %d at the end", i, tab.m[i])
		}
	}
	if tab.most > 8*len(tab.m) {
		t.Errorf("a table of %d entries has room for %d", len(tab.m), tab.most)
	}
}

// TestATableGivesItsMemoryBack fills one as a flood does, and empties it but for one.
func TestATableGivesItsMemoryBack(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var tab table[serverKey, *serverTx]
	was := heap()
	const n = 50_000
	for i := range n {
		tab.put(serverKey{port: i}, nil)
	}
	full := heap() - was
	for i := range n - 1 {
		tab.remove(serverKey{port: i})
	}
	now := heap()
	if left := max(now, was) - was; left > full/50 {
		t.Errorf("%d kB of %d are left for one entry", left>>10, full>>10)
	}
	runtime.KeepAlive(&tab)
}
