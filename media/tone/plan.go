package tone

import "time"

// cadence builds the steps of tones: times in milliseconds, on and off in turn.
func cadence(freqs []float64, onAndOff ...int) []step {
	steps := make([]step, 0, len(onAndOff))
	for i, ms := range onAndOff {
		s := step{length: time.Duration(ms) * time.Millisecond}
		if i%2 == 0 {
			s.freqs = freqs
		}
		steps = append(steps, s)
	}
	return steps
}

// The tones of the countries, from the list of ITU-T E.180 supplement 2. Where a
// country modulates a tone, its side tones stand for it.
var (
	northAmerica = plan{
		ringback:   cadence([]float64{440, 480}, 2000, 4000),
		busy:       cadence([]float64{480, 620}, 500, 500),
		congestion: cadence([]float64{480, 620}, 250, 250),
	}
	plans = map[string]plan{
		"US": northAmerica,
		"CA": northAmerica,
		"AT": simple(420, []int{1000, 5000}, []int{400, 400}, []int{200, 200}),
		"AU": {
			ringback:   cadence([]float64{400, 450}, 400, 200, 400, 2000),
			busy:       cadence([]float64{425}, 375, 375),
			congestion: cadence([]float64{425}, 375, 375),
		},
		"BE": simple(425, []int{1000, 3000}, []int{500, 500}, []int{167, 167}),
		"BR": simple(425, []int{1000, 4000}, []int{250, 250}, []int{250, 250, 750, 250}),
		"CH": simple(425, []int{1000, 4000}, []int{500, 500}, []int{200, 200}),
		"CN": simple(450, []int{1000, 4000}, []int{350, 350}, []int{700, 700}),
		"DE": simple(425, []int{1000, 4000}, []int{480, 480}, []int{240, 240}),
		"DK": simple(425, []int{1000, 4000}, []int{500, 500}, []int{200, 200}),
		"ES": simple(425, []int{1500, 3000}, []int{200, 200}, []int{200, 200, 200, 200, 200, 600}),
		"FR": simple(440, []int{1500, 3500}, []int{500, 500}, []int{250, 250}),
		"GB": {
			ringback:   cadence([]float64{400, 450}, 400, 200, 400, 2000),
			busy:       cadence([]float64{400}, 375, 375),
			congestion: cadence([]float64{400}, 400, 350, 225, 525),
		},
		"IE": {
			ringback:   cadence([]float64{400, 450}, 400, 200, 400, 2000),
			busy:       cadence([]float64{425}, 500, 500),
			congestion: cadence([]float64{425}, 400, 350, 225, 525),
		},
		"IN": {
			ringback:   cadence([]float64{375, 425}, 400, 200, 400, 2000),
			busy:       cadence([]float64{400}, 750, 750),
			congestion: cadence([]float64{400}, 250, 250),
		},
		"IT": simple(425, []int{1000, 4000}, []int{500, 500}, []int{200, 200}),
		"JP": {
			ringback:   cadence([]float64{384, 416}, 1000, 2000),
			busy:       cadence([]float64{400}, 500, 500),
			congestion: cadence([]float64{400}, 500, 500),
		},
		"MX": simple(425, []int{1000, 4000}, []int{250, 250}, []int{250, 250}),
		"NL": simple(425, []int{1000, 4000}, []int{500, 500}, []int{250, 250}),
		"NO": simple(425, []int{1000, 4000}, []int{500, 500}, []int{200, 200}),
		"NZ": {
			ringback:   cadence([]float64{400, 450}, 400, 200, 400, 2000),
			busy:       cadence([]float64{400}, 500, 500),
			congestion: cadence([]float64{400}, 250, 250),
		},
		"PL": simple(425, []int{1000, 4000}, []int{500, 500}, []int{500, 500}),
		"PT": simple(425, []int{1000, 5000}, []int{500, 500}, []int{200, 200}),
		"SE": simple(425, []int{1000, 5000}, []int{250, 250}, []int{250, 750}),
	}
)

// simple is the plan of a country with one frequency.
func simple(freq float64, ringback, busy, congestion []int) plan {
	f := []float64{freq}
	return plan{cadence(f, ringback...), cadence(f, busy...), cadence(f, congestion...)}
}
