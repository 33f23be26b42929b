package codec

// band is the adaptive predictor and quantizer step of one G.722 band
// (ITU-T G.722 §3.6 and §6.2, blocks 3L/3H and 4L/4H).
type band struct {
	predicted int32    // the next sample
	zero      int32    // the part of it that the zeros predict
	step      int32    // of the quantizer
	logStep   int32    // logarithm of it
	r, p      [3]int32 // reconstructed and partially reconstructed signal, newest first
	a         [3]int32 // poles; a[0] is unused
	b         [7]int32 // zeros; b[0] is unused
	d         [7]int32 // quantized differences, newest first
}

func newBand(step int32) band { return band{step: step} }

// adaptLow goes on by the four upper bits of a code of the low band.
func (b *band) adaptLow(code byte) {
	difference := b.step * qm4[code] >> 15
	b.logStep = min(max(b.logStep*127>>7+weightLow[code], 0), 18432)
	b.step = b.scale(8)
	b.predict(difference)
}

// adaptHigh goes on by a code of the high band.
func (b *band) adaptHigh(code byte) {
	difference := b.step * qm2[code] >> 15
	b.logStep = min(max(b.logStep*127>>7+weightHigh[code], 0), 22528)
	b.step = b.scale(10)
	b.predict(difference)
}

// scale is the step of the logarithm (SCALEL, SCALEH).
func (b *band) scale(exponent int32) int32 {
	mantissa, shift := exponential[b.logStep>>6&31], exponent-b.logStep>>11
	if shift < 0 {
		return mantissa << -shift << 2
	}
	return mantissa >> shift << 2
}

// predict takes the quantized difference and predicts the next sample (block 4).
func (b *band) predict(difference int32) {
	copy(b.r[1:], b.r[:2])
	copy(b.p[1:], b.p[:2])
	copy(b.d[1:], b.d[:6])
	b.d[0] = difference
	b.r[0] = saturate(b.predicted + difference) // RECONS
	b.p[0] = saturate(b.zero + difference)      // PARREC
	b.adaptPoles()
	b.adaptZeros()

	poles := saturate(b.a[1]*saturate(2*b.r[0])>>15 + b.a[2]*saturate(2*b.r[1])>>15) // FILTEP
	var zeros int32                                                                  // FILTEZ
	for i := 1; i <= 6; i++ {
		zeros += b.b[i] * saturate(2*b.d[i-1]) >> 15
	}
	b.zero = saturate(zeros)
	b.predicted = saturate(poles + b.zero)
}

// adaptPoles is UPPOL2 and UPPOL1: second-order predictor, kept stable.
func (b *band) adaptPoles() {
	same1 := (b.p[0] < 0) == (b.p[1] < 0)
	same2 := (b.p[0] < 0) == (b.p[2] < 0)

	second := saturate(b.a[1] * 4)
	if same1 {
		second = min(-second, 32767)
	}
	second >>= 7
	if same2 {
		second += 128
	} else {
		second -= 128
	}
	second = min(max(second+b.a[2]*32512>>15, -12288), 12288)

	first := int32(-192)
	if same1 {
		first = 192
	}
	first = saturate(first + b.a[1]*32640>>15)
	limit := saturate(15360 - second)
	b.a[1], b.a[2] = min(max(first, -limit), limit), second
}

// adaptZeros is UPZERO. The differences have moved on by one already.
func (b *band) adaptZeros() {
	gain := int32(128)
	if b.d[0] == 0 {
		gain = 0
	}
	for i := 1; i <= 6; i++ {
		change := -gain
		if (b.d[i] < 0) == (b.d[0] < 0) {
			change = gain
		}
		b.b[i] = saturate(change + b.b[i]*32640>>15)
	}
}

func saturate(v int32) int32 { return min(max(v, -32768), 32767) }

// The quantizers' tables (ITU-T G.722 tables 14 to 19).
var (
	q6 = [31]int32{
		0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714,
		786, 858, 940, 1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919, 0,
	}
	negative6 = [31]byte{
		0, 63, 62, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19,
		18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4,
	}
	positive6 = [31]byte{
		0, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47,
		46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32,
	}
	qm2 = [4]int32{-7408, -1616, 7408, 1616}
	qm4 = [16]int32{
		0, -20456, -12896, -8968, -6288, -4240, -2584, -1200,
		20456, 12896, 8968, 6288, 4240, 2584, 1200, 0,
	}
	qm6 = [64]int32{
		-136, -136, -136, -136, -24808, -21904, -19008, -16704,
		-14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856,
		-7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576,
		-3168, -2776, -2400, -2032, -1688, -1360, -1040, -728,
		24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192,
		10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
		4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032,
		1688, 1360, 1040, 728, 432, 136, -432, -136,
	}
	// By code: how the logarithm of the step changes.
	weightLow = [16]int32{
		-60, 3042, 1198, 538, 334, 172, 58, -30,
		3042, 1198, 538, 334, 172, 58, -30, -60,
	}
	weightHigh  = [4]int32{798, -214, 798, -214}
	exponential = [32]int32{
		2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
		2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
	}
)
