package main

import (
	"context"
	"log/slog"
	"sync"
)

// A lazyHandler puts off the writing of a logger's own attributes until something is
// logged. Each call makes loggers of its own, with its ID and its legs, and most of
// them never say anything at the level that is in force.
type lazyHandler struct {
	slog.Handler             // of the logger that this one came from, and so without attrs
	attrs        []slog.Attr // never changed
	once         sync.Once
	whole        slog.Handler // set by once
}

func newLazyHandler(h slog.Handler, attrs []slog.Attr) *lazyHandler {
	return &lazyHandler{Handler: h, attrs: attrs}
}

// Handle implements slog.Handler.
func (l *lazyHandler) Handle(ctx context.Context, r slog.Record) error {
	return l.all().Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (l *lazyHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return newLazyHandler(l, attrs)
}

// WithGroup implements slog.Handler.
func (l *lazyHandler) WithGroup(name string) slog.Handler {
	return newLazyHandler(l.all().WithGroup(name), nil)
}

// all is the handler with everything written.
func (l *lazyHandler) all() slog.Handler {
	l.once.Do(func() {
		l.whole = l.Handler
		if from, ok := l.Handler.(*lazyHandler); ok {
			l.whole = from.all()
		}
		if len(l.attrs) > 0 {
			l.whole = l.whole.WithAttrs(l.attrs)
		}
	})
	return l.whole
}
