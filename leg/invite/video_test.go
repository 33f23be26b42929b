package invite

import (
	"strings"
	"testing"
	"testing/synctest"

	"tandem/call"
	"tandem/media"
	"tandem/media/sdp"
	"tandem/media/transport"
	"tandem/sip/dialog"
)

func pictures(o *Options) {
	o.Media.Capabilities.Video = []sdp.Codec{
		{Name: "H264", Clock: 90000, PayloadType: 97, FMTP: "profile-level-id=42e01f;packetization-mode=1"},
		{Name: "VP8", Clock: 90000, PayloadType: 100},
	}
}

// filming is a phone's description with a camera.
func filming() []byte {
	return append(phone(1, ""), "m=video 5002 RTP/AVP 98 99\r\nb=TIAS:700000\r\na=rtpmap:98 VP8/90000\r\n"+
		"a=rtpmap:99 H264/90000\r\na=fmtp:99 profile-level-id=42e01f;packetization-mode=1\r\n"...)
}

func TestTheCallerIsAnsweredWithWhatTheOtherLegShows(t *testing.T) {
	for _, row := range []struct {
		name  string
		video call.Video
		want  string // m-line of the answer
	}{
		{"a telephone", call.Video{None: true}, "m=video 0 "},
		{"VP8", call.Video{Format: "VP8"}, "m=video 4002 RTP/AVP 98\r\n"},
		{"H.264", call.Video{Format: "H264/baseline/1"}, "m=video 4002 RTP/AVP 99\r\n"},
		{"a meeting that takes anything", call.Video{}, "m=video 4002 RTP/AVP 99\r\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			story(t, func(r *rig) {
				pictures(&r.opt)
				r.in(filming())
				r.leg.Do(call.Answered{Codec: "PCMU", Video: row.video})
				if got := next[dialog.Answered](r); !strings.Contains(string(got.SDP), row.want) {
					r.Errorf("no %q in the answer\n%s", row.want, got.SDP)
				}
				r.far.Bye()
				r.over(call.NormalClearing)
			})
		})
	}
}

func TestTheCalleeSaysWhatItShows(t *testing.T) {
	for _, row := range []struct {
		name   string
		answer []byte
		want   call.Video
	}{
		{"a telephone", phone(1, ""), call.Video{None: true}},
		{
			"a room", append(phone(1, ""), "m=video 5002 RTP/AVP 100\r\nb=TIAS:700000\r\na=rtpmap:100 VP8/90000\r\na=fmtp:100 max-fs=3600\r\n"...),
			call.Video{Format: "VP8", Limits: media.Limits{FrameSize: 3600, Bitrate: 700_000}},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			story(t, func(r *rig) {
				pictures(&r.opt)
				r.out()
				if offer := string(r.far.Request().Body); !strings.Contains(offer, "m=video 4002 RTP/AVP 97 100\r\n") {
					r.Errorf("offered\n%s", offer)
				}
				r.far.Accept(row.answer)
				if got := said[call.Answered](r); got.Video != row.want {
					r.Errorf("said %+v, want %+v", got.Video, row.want)
				}
				r.far.Bye()
				r.over(call.NormalClearing)
			})
		})
	}
}

// RFC 5168, for rooms that send no RTCP feedback.
func TestANewPictureIsAskedForByINFO(t *testing.T) {
	story(t, func(r *rig) {
		pictures(&r.opt)
		r.up()
		r.far.Info("Application/media_control+xml; charset=utf-8", []byte(fastUpdate))
		synctest.Wait()
		if r.path.pictures != 1 {
			r.Errorf("%d wishes came through", r.path.pictures)
		}
		r.silent()
		r.path.on(transport.Event{Kind: transport.KeyframeNeeded})
		if got := next[dialog.Info](r); !wantsPicture(got.ContentType, got.Body) {
			r.Errorf("asked by %s %s", got.ContentType, got.Body)
		}
		r.far.Bye()
		r.over(call.NormalClearing)
	})
}

func TestVideosOfAnOffer(t *testing.T) {
	var o Options
	pictures(&o)
	all := o.Media.Capabilities.Video
	film, plain, nonsense := ReadOffer(filming()), ReadOffer(phone(1, "")), ReadOffer([]byte("nonsense"))
	names, limits := film.Videos(all)
	if got := strings.Join(names, " "); got != "VP8 H264/baseline/1" || limits.Bitrate != 700_000 {
		t.Errorf("%s, %+v", got, limits)
	}
	if names, _ := plain.Videos(all); len(names) != 0 {
		t.Errorf("a telephone shows %v", names)
	}
	if names, _ := nonsense.Videos(all); len(names) != 0 {
		t.Errorf("nonsense shows %v", names)
	}
	if got := PreferringVideo(all, names); len(got) != 2 || got[0].Name != "VP8" {
		t.Errorf("preferring %v gives %v", names, got)
	}
}
