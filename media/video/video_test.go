package video

import (
	"sync"
	"testing"
)

func TestFitAndFillKeepTheShape(t *testing.T) {
	for _, c := range []struct {
		w, h      int
		box       Rect
		fit, fill Rect
	}{
		{1280, 720, Rect{0, 0, 320, 180}, Rect{0, 0, 320, 180}, Rect{0, 0, 1280, 720}},
		{640, 480, Rect{0, 0, 1280, 720}, Rect{160, 0, 960, 720}, Rect{0, 60, 640, 360}},
		{720, 1280, Rect{0, 0, 1280, 720}, Rect{436, 0, 406, 720}, Rect{0, 436, 720, 405}},
		{1280, 720, Rect{100, 50, 400, 300}, Rect{100, 86, 400, 226}, Rect{160, 0, 960, 720}},
		{0, 720, Rect{0, 0, 10, 10}, Rect{}, Rect{}},
		{10, 10, Rect{}, Rect{}, Rect{}},
	} {
		if got := Fit(c.w, c.h, c.box); got != c.fit {
			t.Errorf("Fit(%d, %d, %v) = %v, want %v", c.w, c.h, c.box, got, c.fit)
		}
		if got := Fill(c.w, c.h, c.box); got != c.fill {
			t.Errorf("Fill(%d, %d, %v) = %v, want %v", c.w, c.h, c.box, got, c.fill)
		}
	}
}

func TestACropSharesItsPicture(t *testing.T) {
	p := New(33, 17)
	c := p.Crop(Rect{X: 5, Y: 3, W: 100, H: 100})
	if c.Width != 28 || c.Height != 14 || !c.Valid() {
		t.Fatalf("%v", &c)
	}
	c.Y[0], c.U[0] = 77, 66
	if p.Y[2*33+4] != 77 || p.U[1*17+2] != 66 {
		t.Error("the crop is somewhere else")
	}
	if c := p.Crop(Rect{X: 50, Y: 3, W: 4, H: 4}); c.Valid() {
		t.Error("a crop outside is empty")
	}
}

func TestAPoolReusesWhatNobodyHolds(t *testing.T) {
	var pool Pool
	p := pool.Get(64, 48)
	p.Retain()
	p.Release()
	if q := pool.Get(64, 48); q == p || pool.Live() != 2 {
		t.Error("a held picture was given away")
	}
	p.Release()
	if q := pool.Get(64, 48); q != p {
		t.Error("a free picture was not used")
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for i := range 200 {
				q := pool.Get(16+i%20, 16)
				q.Retain()
				q.Release()
				q.Release()
			}
		})
	}
	wait.Wait()
	if pool.Live() != 2 || len(pool.free) > poolFree {
		t.Errorf("%d live, %d free", pool.Live(), len(pool.free))
	}
}

func TestWrongUsePanics(t *testing.T) {
	for name, f := range map[string]func(){
		"size":    func() { New(0, 5) },
		"huge":    func() { New(1<<20, 1<<20) },
		"retain":  func() { New(2, 2).Retain() },
		"release": func() { p := new(Pool).Get(2, 2); p.Release(); p.Release() },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
	New(2, 2).Release() // nothing happens
}

func TestBetweenEndsWhereItShould(t *testing.T) {
	a, b := Rect{0, 0, 100, 50}, Rect{300, 20, 40, 60}
	if a.Between(b, 0) != a || a.Between(b, 1) != b {
		t.Errorf("%v %v", a.Between(b, 0), a.Between(b, 1))
	}
}
