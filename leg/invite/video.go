package invite

import (
	"bytes"
	"strings"

	"tandem/call"
	"tandem/media"
	"tandem/media/sdp"
)

// mediaControl is the body type in which a picture is asked for by signalling, where
// RTCP cannot (RFC 5168).
const mediaControl = "application/media_control+xml"

const fastUpdate = `<?xml version="1.0" encoding="utf-8"?>` + "\r\n" +
	"<media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive></media_control>\r\n"

// wantsPicture reports whether an INFO asks for a new picture. Only the one command
// that everybody sends is looked for: what surrounds it is as various as rooms are.
func wantsPicture(contentType string, body []byte) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(kind), mediaControl) && bytes.Contains(body, []byte("picture_fast_update"))
}

// Videos lists the formats of the picture the offer has in common with known, best
// first, and the limits of the pictures the caller takes; none without.
func (o *Offer) Videos(known []sdp.Codec) ([]string, media.Limits) {
	if o.description == nil {
		return nil, media.Limits{}
	}
	return sdp.Videos(o.description, known)
}

// Screen reports whether the offer has a shared screen beside the picture.
func (o *Offer) Screen() bool { return o.description != nil && o.description.Has(media.Content) }

// PreferringVideo returns the codecs of all that formats names, in that order.
func PreferringVideo(all []sdp.Codec, formats []string) []sdp.Codec {
	var out []sdp.Codec
	for _, f := range formats {
		for _, c := range all {
			if c.Format() == f {
				out = append(out, c)
			}
		}
	}
	return out
}

// setVideo makes our description have pictures when the other leg has.
func (l *Leg) setVideo(v call.Video) {
	l.media.SetVideo(!v.None, v.Format, v.Limits)
	l.media.SetLayers(v.Layers)
	l.media.SetScreen(v.Screen || v.Format == "")
}

// video is what the far end agreed to.
func (l *Leg) video() call.Video {
	agreed := l.media.Agreed()
	st := agreed.Of(media.Video)
	if st == nil {
		return call.Video{None: true}
	}
	return call.Video{Format: st.Send.Format(), Limits: st.SendLimits, Screen: agreed.Of(media.Content) != nil}
}
