package audio

import "math"

// The two tones of a key, in Hz (ITU-T Q.23), by event code: 0 to 9, *, #, A to D.
var keyTones = [...][2]float64{
	{941, 1336},
	{697, 1209},
	{697, 1336},
	{697, 1477},
	{770, 1209},
	{770, 1336},
	{770, 1477},
	{852, 1209},
	{852, 1336},
	{852, 1477},
	{941, 1209},
	{941, 1477},
	{697, 1633},
	{770, 1633},
	{852, 1633},
	{941, 1633},
}

const (
	keyTicks = 5 // 100 ms of tones
	keyPause = 4 // 80 ms of silence
	keyLevel = 0.25
)

// whistle fills the frame with the first key as tones, for telephones that have agreed
// on no telephone-event.
func (s *Sender) whistle() {
	t := s.ticks
	s.ticks++
	for i := range s.frame {
		s.frame[i] = s.Law.Silence()
	}
	if t < keyTicks {
		tones := keyTones[s.digits[0]%byte(len(keyTones))]
		for i := range s.frame {
			at := 2 * math.Pi * float64(t*FrameSamples+i) / Rate
			s.frame[i] = s.Law.Encode(int16(math.MaxInt16 * keyLevel * (math.Sin(tones[0]*at) + math.Sin(tones[1]*at)) / 2))
		}
		return
	}
	if t >= keyTicks+keyPause-1 {
		s.digits, s.ticks = s.digits[1:], 0
	}
}
