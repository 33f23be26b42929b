package transaction

import (
	"runtime"
	"testing"
)

func TestATableGivesItsRoomBack(t *testing.T) {
	var tab table[[8]int, int]
	const flood, calls = 100_000, 100
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	v := new(int)
	key := func(i int) [8]int { return [8]int{i} }
	before := heap()
	for i := range flood {
		if !tab.add(key(i), v) {
			t.Fatalf("%d is there already", i)
		}
	}
	if tab.add(key(3), new(int)) {
		t.Error("a key was entered twice")
	}
	full := heap() - before
	for i := calls; i < flood; i++ {
		if !tab.remove(key(i), v) {
			t.Fatalf("%d was not there", i)
		}
	}
	if tab.remove(key(3), new(int)) || tab.remove(key(flood), v) {
		t.Error("what is not there was removed")
	}
	if left := heap() - before; left > full/10 {
		t.Errorf("%d bytes are left of %d", left, full)
	}
	for i := range calls {
		if tab.get(key(i)) != v {
			t.Errorf("%d is lost", i)
		}
	}
	if n := len(tab.m); n != calls {
		t.Errorf("%d are left, want %d", n, calls)
	}
}
