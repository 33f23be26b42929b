package room

import (
	"image"
	"math"
	"slices"
	"time"

	"github.com/pion/rtp"

	"tandem/sim/h264"
	"tandem/sim/picture"
	"tandem/sim/vp8"
)

// lap is how long the moving thing in the picture takes to come round.
const lap = 4 * time.Second

// encoder makes payloads of pictures.
type encoder interface {
	encode(img *image.YCbCr, key bool) ([][]byte, error)
	Close()
}

const maxPayload = 1200

type vp8Encoder struct {
	*vp8.Encoder
	id int
}

func (e *vp8Encoder) encode(img *image.YCbCr, key bool) ([][]byte, error) {
	kind := vp8.Base
	if key {
		kind = vp8.Key
	}
	frame, err := e.Encode(img, kind)
	if err != nil {
		return nil, err
	}
	e.id = (e.id + 1) & 0x7fff
	return vp8.Split(frame, vp8.Descriptor{PictureID: e.id, TL0PicIdx: -1, TID: -1, KeyIdx: -1}, maxPayload), nil
}

type h264Encoder struct{ *h264.Encoder }

func (e h264Encoder) encode(img *image.YCbCr, key bool) ([][]byte, error) {
	unit, err := e.Encode(img, key)
	if err != nil {
		return nil, err
	}
	return h264.Split(unit, maxPayload), nil
}

func newEncoder(codec string, c Config, kbps int) (encoder, error) {
	if codec == "VP8" {
		e, err := vp8.NewEncoder(c.Width, c.Height, c.FPS, kbps)
		return &vp8Encoder{Encoder: e}, err
	}
	e, err := h264.NewEncoder(c.Width, c.Height, c.FPS, kbps)
	return h264Encoder{e}, err
}

// film sends the camera's pictures as long as somebody wants them.
func (e *Eye) film() {
	tick := time.NewTicker(time.Second / time.Duration(e.cfg.FPS))
	defer tick.Stop()
	img, scene := picture.New(e.cfg.Width, e.cfg.Height), e.cfg.scene()
	var reel reel
	var enc encoder
	var codec string
	defer func() {
		if enc != nil {
			enc.Close()
		}
	}()
	for {
		select {
		case <-e.stop:
			return
		case <-tick.C:
		}
		want, key, kbps := e.wanted()
		if want == "" {
			continue
		}
		if want != codec {
			if enc != nil {
				enc.Close()
			}
			var err error
			if enc, err = newEncoder(want, e.cfg, kbps); err != nil {
				enc, codec = nil, ""
				continue
			}
			codec, key, reel.frames = want, true, nil
		}
		since := time.Since(e.started)
		if e.cfg.Film != nil {
			e.send(reel.next(e.cfg, img, enc, key), since)
			continue
		}
		scene.Draw(img, math.Mod(since.Seconds(), lap.Seconds())/lap.Seconds())
		if payloads, err := enc.encode(img, key); err == nil {
			e.send(payloads, since)
		}
	}
}

// wanted is the codec to send in; "" while nothing is to be sent.
func (e *Eye) wanted() (codec string, key bool, kbps int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.sends || e.refused || e.covered || e.codec == "" {
		return "", false, 0
	}
	key, e.key = e.key, false
	kbps = e.cfg.Kbps
	if e.limit > 0 {
		kbps = min(kbps, e.limit/1000)
	}
	return e.codec, key, max(kbps, 32)
}

func (e *Eye) send(payloads [][]byte, since time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, b := range payloads {
		e.seq++
		p := rtp.Packet{Header: rtp.Header{
			Version: 2, PayloadType: e.pt, SequenceNumber: e.seq, SSRC: e.ssrc, Marker: i == len(payloads)-1,
			Timestamp: uint32(since.Milliseconds() * 90),
		}, Payload: b}
		if raw, err := p.Marshal(); err == nil {
			_, _ = e.rtp.WriteToUDPAddrPort(raw, e.to)
			e.octets += len(b)
		}
	}
	if len(payloads) > 0 {
		e.frames++
	}
}

// reel is two seconds of a film, encoded.
type reel struct {
	frames [][][]byte
	at     int
}

// next is the payloads of the next picture; key begins again.
func (r *reel) next(c Config, img *image.YCbCr, enc encoder, key bool) [][]byte {
	if r.frames == nil {
		for n := range 2 * c.FPS {
			c.Film(img, n)
			payloads, err := enc.encode(img, n == 0)
			if err != nil {
				return nil
			}
			var kept [][]byte
			for _, p := range payloads {
				kept = append(kept, slices.Clone(p))
			}
			r.frames = append(r.frames, kept)
		}
	}
	if key || r.at == len(r.frames) {
		r.at = 0
	}
	r.at++
	return r.frames[r.at-1]
}
