package audio

// Law is a G.711 companding law.
type Law uint8

// The two laws of ITU-T G.711.
const (
	ULaw Law = iota // PCMU, payload type 0
	ALaw            // PCMA, payload type 8
)

// Encode compands one linear 16 bit sample.
func (l Law) Encode(s int16) byte {
	if l == ALaw {
		return encodeA(s)
	}
	return encodeU(s)
}

// Decode expands one byte to a linear 16 bit sample.
func (l Law) Decode(b byte) int16 {
	if l == ALaw {
		return decodeA(b)
	}
	return decodeU(b)
}

// Silence is the law's code for zero.
func (l Law) Silence() byte { return l.Encode(0) }

const (
	uBias = 0x84  // 33 in the 14 bit scale of G.711, table 2
	uClip = 32635 // largest magnitude that does not overflow with the bias
)

func encodeU(s int16) byte {
	v, sign := int(s), byte(0)
	if v < 0 {
		v, sign = -v, 0x80
	}
	v = min(v, uClip) + uBias
	exp := byte(7)
	for mask := 0x4000; exp > 0 && v&mask == 0; mask >>= 1 {
		exp--
	}
	mantissa := byte(v>>(exp+3)) & 0x0f
	return ^(sign | exp<<4 | mantissa)
}

func decodeU(b byte) int16 {
	b = ^b
	v := (int(b&0x0f)<<3+uBias)<<(b>>4&7) - uBias
	if b&0x80 != 0 {
		v = -v
	}
	return int16(v)
}

func encodeA(s int16) byte {
	v, sign := int(s), byte(0x80)
	if v < 0 {
		v, sign = -v-1, 0
	}
	v >>= 4
	exp := byte(0)
	for top := v >> 4; top > 0; top >>= 1 {
		exp++
	}
	mantissa := v
	if exp > 1 {
		mantissa = v >> (exp - 1)
	}
	return (sign | exp<<4 | byte(mantissa)&0x0f) ^ 0x55
}

func decodeA(b byte) int16 {
	b ^= 0x55
	exp := b >> 4 & 7
	v := int(b&0x0f)<<4 + 8
	if exp > 0 {
		v += 0x100
	}
	if exp > 1 {
		v <<= exp - 1
	}
	if b&0x80 == 0 {
		v = -v
	}
	return int16(v)
}
