package bridge

import (
	"strings"
	"testing"

	"tandem/media"
)

func picture(codec, fmtp string) media.StreamInfo {
	return media.StreamInfo{ID: "v", Kind: media.Video, Codec: codec, Clock: 90000, PayloadType: 97, FMTP: fmtp}
}

func TestPicturesPassBetweenEqualsOnly(t *testing.T) {
	h264 := func(profile, mode string) media.StreamInfo {
		return picture("H264", "profile-level-id="+profile+";packetization-mode="+mode)
	}
	held := h264("42e01f", "1")
	held.Direction = media.Inactive
	for _, row := range []struct {
		name     string
		from, to media.StreamInfo
		want     bool
	}{
		{"VP8", picture("VP8", ""), picture("VP8", "max-fs=3600"), true},
		{"VP8 to H.264", picture("VP8", ""), h264("42e01f", "1"), false},
		{"the same H.264 at other levels", h264("42e01f", "1"), h264("42801e", "1"), true},
		{"whole units for who takes fragments", h264("42e01f", "0"), h264("42e01f", "1"), true},
		{"fragments for who takes none", h264("42e01f", "1"), h264("42e01f", "0"), false},
		{"baseline for a high decoder", h264("42e01f", "1"), h264("64001f", "1"), true},
		{"high for a baseline decoder", h264("64001f", "1"), h264("42e01f", "1"), false},
		{"no parameters are baseline without fragments", picture("H264", ""), h264("42e01f", "1"), true},
		{"a profile that is cut off", picture("H264", "profile-level-id=4"), h264("42e01f", "0"), true},
		{"held by the sender", held, h264("42e01f", "1"), false},
		{"held by the receiver", h264("42e01f", "1"), held, false},
		{"no picture", media.StreamInfo{}, media.StreamInfo{}, false},
	} {
		if got := matches(row.from, row.to); got != row.want {
			t.Errorf("%s: %t", row.name, got)
		}
	}
}

// eye is a stream of pictures that counts what is asked of it.
type eye struct {
	fakeSource
	fakeSink
	wanted  int
	limit   int
	request func()
}

type eyeSource struct{ *eye }

func (e eyeSource) Info() media.StreamInfo  { return e.fakeSource.Info() }
func (e eyeSource) RequestKeyframe()        { e.wanted++ }
func (e eyeSource) Limit(bitrate int)       { e.limit = bitrate }
func (e eyeSource) Attach(r media.Receiver) { e.fakeSource.Attach(r) }

type eyeSink struct{ *eye }

func (e eyeSink) Info() media.StreamInfo     { return e.fakeSink.Info() }
func (e eyeSink) Write(p *media.Packet)      { e.fakeSink.Write(p) }
func (e eyeSink) OnKeyframeRequest(f func()) { e.request = f }

// seeing is a session with a picture beside its sound.
type seeing struct {
	*fakeSession
	eye *eye
}

func (s seeing) Sources() []media.Source { return append(s.fakeSession.Sources(), eyeSource{s.eye}) }
func (s seeing) Sinks() []media.Sink     { return append(s.fakeSession.Sinks(), eyeSink{s.eye}) }

func sees(i media.StreamInfo) seeing {
	e := &eye{}
	e.fakeSource.info, e.fakeSink.info, e.fakeSink.keep = i, i, true
	return seeing{session(stream("PCMU")), e}
}

func TestPicturesAreRelayedWithWishes(t *testing.T) {
	to := picture("VP8", "")
	to.PayloadType, to.Limits.Bitrate = 120, 500_000
	a, b := sees(picture("VP8", "")), sees(to)
	br := Join(a, b, Options{})
	if line := br.String(); !strings.Contains(line, "video VP8 relay") {
		t.Errorf("the pipeline says %q", line)
	}
	if a.eye.wanted != 1 || b.eye.wanted != 1 || a.eye.limit != 500_000 {
		t.Errorf("asked for %d and %d keyframes, limit %d", a.eye.wanted, b.eye.wanted, a.eye.limit)
	}
	a.eye.deliver(&media.Packet{PayloadType: 97, Sequence: 7, Marker: true, Payload: []byte{1}})
	got := b.eye.take()
	if len(got) != 1 || got[0].PayloadType != 120 || got[0].Sequence != 7 || !got[0].Marker {
		t.Fatalf("relayed %+v", got)
	}
	b.eye.request()
	if a.eye.wanted != 2 {
		t.Error("a keyframe that b's far end asks for is not asked of a's")
	}
	if n := testing.AllocsPerRun(100, func() { b.eye.keep = false; a.eye.deliver(&got[0]) }); n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
	br.Close()
	if a.eye.receiver != nil || b.eye.request != nil {
		t.Error("something of the bridge is left behind")
	}
}

func TestPicturesOfOtherFormatsStopHere(t *testing.T) {
	a, b := sees(picture("VP8", "")), sees(picture("H264", ""))
	br := Join(a, b, Options{})
	defer br.Close()
	a.eye.deliver(&media.Packet{PayloadType: 97})
	if len(b.eye.take()) != 0 || strings.Contains(br.String(), "video") {
		t.Errorf("pictures pass: %s", br)
	}
}
