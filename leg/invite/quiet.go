package invite

import (
	"context"
	"log/slog"
	"time"

	"tandem/call"
	"tandem/media"
	"tandem/media/transport"
)

// mediaEvent takes what the media session tells: that it is connected or cannot be, and
// that nothing comes any more.
func (l *Leg) mediaEvent(ev transport.Event) {
	switch ev.Kind {
	case transport.Connected:
		if l.log.Enabled(context.Background(), slog.LevelDebug) { // the line is long to make
			l.log.Debug("media connected", "path", l.media.String())
		}
	case transport.Failed:
		l.hangup(call.Ended{Cause: call.MediaFailed, Text: errText(ev.Err)})
	case transport.MediaTimeout:
		if l.quiet = true; l.up() {
			l.silenced()
		}
	case transport.MediaResumed:
		l.quiet = false
	case transport.KeyframeNeeded:
		if l.up() {
			l.session.Info(mediaControl, []byte(fastUpdate))
		}
	}
}

// up reports whether the call was answered.
func (l *Leg) up() bool { return l.answered || l.accepted }

func (l *Leg) silenced() {
	l.hangup(call.Ended{Cause: call.MediaTimeout, Text: "no audio came from " + l.opt.Info.Remote + " for " + l.opt.Media.Timeout.String()})
}

// stillQuiet is posted when a far end that was silent while it rang has had the
// same time again since the answer.
type stillQuiet struct{}

// wentUp notes the answer. Many phones send nothing before it, and the media
// session reports silence only once.
func (l *Leg) wentUp() {
	if l.quiet {
		time.AfterFunc(l.opt.Media.Timeout, func() { l.box.Post(stillQuiet{}) })
	}
}

func (l *Leg) giveUpOnQuiet() {
	if a := l.media.Agreed(); l.quiet && !l.gone.Load() && a.Audio() != nil && a.Audio().Direction == media.SendRecv {
		l.silenced()
	}
}
