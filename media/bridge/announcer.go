package bridge

import (
	"tandem/media/mix"
	"tandem/media/tone"
)

// mostSentences that wait at once; more would be heard long after what they are about.
const mostSentences = 4

// announcer plays sentences and ringback into the room's mix.
type announcer struct {
	input   *mix.Input
	rate    int
	frame   []int16
	queue   [][]int16 // sentences, the first partly played
	ringing *tone.Generator
}

func newAnnouncer(rate, size int) announcer {
	return announcer{rate: rate, frame: make([]int16, size)}
}

// say queues a sentence. It is false when too many wait.
func (a *announcer) say(pcm []int16) bool {
	if len(a.queue) == mostSentences {
		return false
	}
	a.queue = append(a.queue, pcm)
	return true
}

func (a *announcer) ring(country string, on bool) {
	switch {
	case !on:
		a.ringing = nil
	case a.ringing == nil:
		if country == "" {
			country = "us"
		}
		a.ringing = tone.Ringback(country, a.rate)
	}
}

// tick gives the mixer what is played now; a sentence goes before the tone.
func (a *announcer) tick() {
	if len(a.queue) == 0 {
		if a.ringing != nil {
			a.ringing.Fill(a.frame)
			a.input.Put(a.frame)
		}
		return
	}
	n := copy(a.frame, a.queue[0])
	clear(a.frame[n:])
	a.input.Put(a.frame)
	if a.queue[0] = a.queue[0][n:]; len(a.queue[0]) == 0 {
		a.queue = a.queue[:copy(a.queue, a.queue[1:])]
	}
}
