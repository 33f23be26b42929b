package bridge

import (
	"fmt"
	"time"

	"tandem/media/codec/openh264"
	"tandem/media/codec/vpx"
	"tandem/media/rtp"
	"tandem/media/video"
)

// roomEncoder codes the pictures of a room's video stream.
type roomEncoder interface {
	// encode returns a picture's frame, lent until the next call; without data when the
	// encoder left it out to keep to the bit rate.
	encode(pic *video.Picture, at time.Duration) (video.Encoded, error)
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

// newPacketizer returns what makes the payloads of one stream's frames, lent until the
// next call.
func newPacketizer(f format) func(video.Encoded) [][]byte {
	if f.codec == "H264" {
		p := &rtp.H264Packetizer{MTU: payloadSize, Single: f.single}
		return func(e video.Encoded) [][]byte { return p.Packetize(e.Data) }
	}
	p := &rtp.VP8Packetizer{MTU: payloadSize}
	return func(e video.Encoded) [][]byte { return p.Packetize(vp8Frame(e)) }
}

type h264Room struct{ *openh264.Encoder }

func newH264Room(f format) (h264Room, error) {
	c := openh264.Config{Width: f.width, Height: f.height, Bitrate: f.bitrate, FrameRate: f.rate, Screen: f.screen, Drop: true}
	if f.single {
		c.MaxNAL = payloadSize
	}
	e, err := openh264.NewEncoder(c)
	return h264Room{e}, err
}

func (r h264Room) encode(pic *video.Picture, at time.Duration) (video.Encoded, error) {
	return r.Encode(pic, at)
}

func (r h264Room) requestKey()               { r.RequestKey() }
func (r h264Room) setRate(bitrate int) error { return r.SetRate(bitrate, 0) }
func (r h264Room) close()                    { r.Close() }

type vp8Room struct{ *vpx.Encoder }

func newVP8Room(f format) (vp8Room, error) {
	e, err := vpx.NewEncoder(vpx.Config{
		Layers: []vpx.Layer{{Width: f.width, Height: f.height, Bitrate: f.bitrate}}, FrameRate: f.rate, Screen: f.screen, Drop: true,
	})
	return vp8Room{e}, err
}

func (r vp8Room) encode(pic *video.Picture, at time.Duration) (video.Encoded, error) {
	frames, err := r.Encode(pic, at)
	if err != nil || len(frames) == 0 {
		return video.Encoded{}, err
	}
	return frames[0], nil
}

func vp8Frame(e video.Encoded) rtp.VP8Frame {
	return rtp.VP8Frame{Data: e.Data, Key: e.Key, NonReference: e.Discard, Temporal: uint8(e.Temporal), Sync: e.Sync}
}

func (r vp8Room) requestKey()               { r.RequestKey(0) }
func (r vp8Room) setRate(bitrate int) error { return r.SetBitrates(bitrate) }
func (r vp8Room) close()                    { r.Close() }
