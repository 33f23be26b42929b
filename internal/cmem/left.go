package cmem

// Left runs round once, for what is kept for ever, and then many times more. It returns
// how many octets those left behind.
func Left(times int, round func()) int {
	round()
	before := InUse()
	for range times {
		round()
	}
	return InUse() - before
}
