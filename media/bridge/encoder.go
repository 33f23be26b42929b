package bridge

import (
	"fmt"
	"time"

	"tandem/media/codec/openh264"
	"tandem/media/codec/vpx"
	"tandem/media/rtp"
	"tandem/media/video"
)

// roomEncoder makes the payloads of a room's video stream from pictures.
type roomEncoder interface {
	// encode returns the payloads of a picture, lent until the next call; none when the
	// encoder left it out to keep to the bit rate.
	encode(pic *video.Picture, at time.Duration) (payloads [][]byte, key bool, err error)
	requestKey()
	setRate(bitrate int) error
	close()
}

func newRoomEncoder(f format) (roomEncoder, error) {
	switch f.codec {
	case "H264":
		return newH264Room(f)
	case "VP8":
		return newVP8Room(f)
	}
	return nil, fmt.Errorf("%q is not a video codec of this gateway", f.codec)
}

// payloadSize leaves room for SRTP, header extensions and a tunnel within 1,500 octets.
const payloadSize = 1200

type h264Room struct {
	encoder *openh264.Encoder
	packets rtp.H264Packetizer
}

func newH264Room(f format) (*h264Room, error) {
	c := openh264.Config{Width: f.width, Height: f.height, Bitrate: f.bitrate, FrameRate: f.rate, Screen: f.screen, Drop: true}
	if f.single {
		c.MaxNAL = payloadSize
	}
	e, err := openh264.NewEncoder(c)
	if err != nil {
		return nil, err
	}
	return &h264Room{e, rtp.H264Packetizer{MTU: payloadSize, Single: f.single}}, nil
}

func (r *h264Room) encode(pic *video.Picture, at time.Duration) ([][]byte, bool, error) {
	f, err := r.encoder.Encode(pic, at)
	if err != nil || len(f.Data) == 0 {
		return nil, false, err
	}
	return r.packets.Packetize(f.Data), f.Key, nil
}

func (r *h264Room) requestKey()               { r.encoder.RequestKey() }
func (r *h264Room) setRate(bitrate int) error { return r.encoder.SetRate(bitrate, 0) }
func (r *h264Room) close()                    { r.encoder.Close() }

type vp8Room struct {
	encoder *vpx.Encoder
	packets rtp.VP8Packetizer
}

func newVP8Room(f format) (*vp8Room, error) {
	e, err := vpx.NewEncoder(vpx.Config{
		Layers: []vpx.Layer{{Width: f.width, Height: f.height, Bitrate: f.bitrate}}, FrameRate: f.rate, Screen: f.screen, Drop: true,
	})
	if err != nil {
		return nil, err
	}
	return &vp8Room{e, rtp.VP8Packetizer{MTU: payloadSize}}, nil
}

func (r *vp8Room) encode(pic *video.Picture, at time.Duration) ([][]byte, bool, error) {
	frames, err := r.encoder.Encode(pic, at)
	if err != nil || len(frames) == 0 {
		return nil, false, err
	}
	return r.packets.Packetize(vp8Frame(frames[0])), frames[0].Key, nil
}

func vp8Frame(e video.Encoded) rtp.VP8Frame {
	return rtp.VP8Frame{Data: e.Data, Key: e.Key, NonReference: e.Discard, Temporal: uint8(e.Temporal), Sync: e.Sync}
}

func (r *vp8Room) requestKey()               { r.encoder.RequestKey(0) }
func (r *vp8Room) setRate(bitrate int) error { return r.encoder.SetBitrates(bitrate) }
func (r *vp8Room) close()                    { r.encoder.Close() }
