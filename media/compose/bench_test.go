package compose

import (
	"testing"
	"time"
)

// BenchmarkMeeting is a picture of a meeting of eight in which everybody moves.
func BenchmarkMeeting(b *testing.B) {
	c := compositor(b, 1280, 720)
	c.Show(State{Participants: people(8), Speaker: "p0"})
	large, small := face(1280, 720, 0), face(320, 180, 1)
	ids := c.Wants(nil)
	settle(c)
	for _, detour := range []bool{false, true} {
		b.Run(map[bool]string{false: "everybody", true: "everybody, by the tiles' memory"}[detour], func(b *testing.B) {
			c.detour = detour
			b.ReportAllocs()
			for b.Loop() {
				for i, w := range ids {
					if i == 0 {
						c.Put(w.ID, large, 0)
					} else {
						c.Put(w.ID, small, 0)
					}
				}
				c.Tick(epoch)
			}
		})
	}
	c.detour = false
	b.Run("one speaks", func(b *testing.B) {
		for b.Loop() {
			c.Put(ids[0].ID, large, 0)
			c.Tick(epoch)
		}
	})
}

// BenchmarkChange is what a change costs that draws names and screens anew.
func BenchmarkChange(b *testing.B) {
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			compositor(b, 1280, 720)
		}
	})
	b.Run("eight new names", func(b *testing.B) {
		c := compositor(b, 1280, 720)
		for b.Loop() {
			clear(c.artist.sprites)
			c.whole, c.moving = true, false
			c.Show(State{Participants: people(8), Speaker: "p0"})
			c.Tick(epoch)
		}
	})
	b.Run("a second in the lobby", func(b *testing.B) {
		c := compositor(b, 1280, 720)
		n := 0
		for b.Loop() {
			c.Show(State{Screen: Screen{Kind: Lobby, Title: "Weekly design review", Since: epoch}})
			c.Tick(epoch.Add(time.Duration(n) * time.Second))
			n++
		}
	})
	b.Run("a digit", func(b *testing.B) {
		c := compositor(b, 1280, 720)
		n := 0
		for b.Loop() {
			c.Show(State{Screen: Screen{Kind: Splash, Digits: "123456789012"[:n%12], Length: 13}})
			c.Tick(epoch)
			n++
		}
	})
}
