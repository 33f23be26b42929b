package video

import "errors"

// SPS is what an H.264 sequence parameter set says about its pictures.
type SPS struct {
	Profile, Constraints, Level uint8 // profile_idc, the constraint flags and level_idc, as in profile-level-id
	Width, Height               int   // as shown, without what is cropped
}

var errSPS = errors.New("video: a broken sequence parameter set")

// ParseSPS reads a sequence parameter set (ITU-T H.264 §7.3.2.1.1), beginning with
// its NAL unit header.
func ParseSPS(nal []byte) (SPS, error) {
	if len(nal) < 5 || nal[0]&0x1f != 7 {
		return SPS{}, errSPS
	}
	s := SPS{Profile: nal[1], Constraints: nal[2], Level: nal[3]}
	r := bits{b: unescape(nal[4:])}
	r.ue() // seq_parameter_set_id
	chroma := uint32(1)
	if hasChroma(s.Profile) {
		chroma = r.chroma()
	}
	r.ue() // log2_max_frame_num_minus4
	r.order()
	r.ue()   // max_num_ref_frames
	r.bit(1) // gaps_in_frame_num_value_allowed_flag
	w, h := int(r.ue())+1, int(r.ue())+1
	frames := int(r.bit(1)) // frame_mbs_only_flag
	if frames == 0 {
		r.bit(1)
	}
	r.bit(1) // direct_8x8_inference_flag
	if w > 1<<12 || h > 1<<12 {
		w, h = 1<<12, 1<<12 // larger than any level, and too large for us
	}
	s.Width, s.Height = 16*w, 16*h*(2-frames)
	if r.bit(1) == 1 {
		s.crop(&r, chroma, 2-frames)
	}
	if r.failed || s.Width <= 0 || s.Height <= 0 {
		return SPS{}, errSPS
	}
	return s, nil
}

// crop takes off the frame_cropping offsets, which count chroma samples.
func (s *SPS) crop(r *bits, chroma uint32, fields int) {
	x, y := 1, fields
	if chroma == 1 || chroma == 2 {
		x = 2
	}
	if chroma == 1 {
		y *= 2
	}
	const limit = 1 << 16
	left, right, top, bottom := int(r.ue()), int(r.ue()), int(r.ue()), int(r.ue())
	if left > limit || right > limit || top > limit || bottom > limit {
		r.failed = true
		return
	}
	s.Width -= x * (left + right)
	s.Height -= y * (top + bottom)
}

// BSlice says whether an H.264 slice, beginning with its NAL unit header, is a B slice
// (§7.4.3, slice_type).
func BSlice(nal []byte) bool {
	if len(nal) < 2 {
		return false
	}
	r := bits{b: nal[1:min(len(nal), 16)]}
	r.ue() // first_mb_in_slice
	return r.ue()%5 == 1 && !r.failed
}

func hasChroma(profile uint8) bool {
	switch profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		return true
	}
	return false
}

// unescape takes out the emulation prevention octets (§7.4.1.1).
func unescape(b []byte) []byte {
	out := make([]byte, 0, min(len(b), 256))
	zeros := 0
	for _, v := range b {
		if len(out) == cap(out) {
			break // an SPS we look at is shorter than this
		}
		if zeros >= 2 && v == 3 {
			zeros = 0
			continue
		}
		out = append(out, v)
		zeros++
		if v != 0 {
			zeros = 0
		}
	}
	return out
}

// bits reads a bit string; past its end it gives zeros and has failed.
type bits struct {
	b      []byte
	at     int
	failed bool
}

func (r *bits) bit(n int) uint32 {
	v := uint32(0)
	for range n {
		if r.at>>3 >= len(r.b) {
			r.failed = true
			return 0
		}
		v = v<<1 | uint32(r.b[r.at>>3]>>(7-r.at&7)&1)
		r.at++
	}
	return v
}

// ue is an Exp-Golomb code (§9.1) of at most 32 bits.
func (r *bits) ue() uint32 {
	zeros := 0
	for r.bit(1) == 0 {
		if zeros++; zeros > 31 || r.failed {
			r.failed = true
			return 0
		}
	}
	return 1<<zeros - 1 + r.bit(zeros)
}

func (r *bits) se() int32 {
	v := r.ue()
	if v&1 == 1 {
		return int32(v/2) + 1
	}
	return -int32(v / 2)
}

// chroma reads from chroma_format_idc to the scaling lists.
func (r *bits) chroma() uint32 {
	format := r.ue()
	if format == 3 {
		r.bit(1)
	}
	r.ue()
	r.ue()
	r.bit(1)
	if r.bit(1) == 0 {
		return format
	}
	lists := 8
	if format == 3 {
		lists = 12
	}
	for i := range lists {
		if r.bit(1) == 1 {
			r.scalingList(i)
		}
	}
	return format
}

func (r *bits) scalingList(i int) {
	size := 16
	if i >= 6 {
		size = 64
	}
	last, next := int32(8), int32(8)
	for range size {
		if next != 0 {
			next = (last + r.se() + 256) % 256
		}
		if next != 0 {
			last = next
		}
	}
}

// order reads what depends on pic_order_cnt_type.
func (r *bits) order() {
	switch r.ue() {
	case 0:
		r.ue()
	case 1:
		r.bit(1)
		r.se()
		r.se()
		for n := r.ue(); n > 0 && !r.failed; n-- {
			r.se()
		}
	}
}
