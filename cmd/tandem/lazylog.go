package main

import (
	"context"
	"log/slog"
	"slices"
	"sync"
)

// A lazyHandler puts off the writing of a logger's own attributes until something is
// logged. Each call makes loggers of its own, with its ID and its legs, and most of
// them never say anything at the level that is in force.
type lazyHandler struct {
	slog.Handler             // without attrs
	attrs        []slog.Attr // never changed
	whole        func() slog.Handler
}

func newLazyHandler(h slog.Handler, attrs []slog.Attr) *lazyHandler {
	l := &lazyHandler{Handler: h, attrs: attrs}
	if len(attrs) > 0 {
		l.whole = sync.OnceValue(func() slog.Handler { return h.WithAttrs(attrs) })
	}
	return l
}

// Handle implements slog.Handler.
func (l *lazyHandler) Handle(ctx context.Context, r slog.Record) error {
	return l.all().Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (l *lazyHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return newLazyHandler(l.Handler, slices.Concat(l.attrs, attrs))
}

// WithGroup implements slog.Handler.
func (l *lazyHandler) WithGroup(name string) slog.Handler {
	return newLazyHandler(l.all().WithGroup(name), nil)
}

func (l *lazyHandler) all() slog.Handler {
	if l.whole == nil {
		return l.Handler
	}
	return l.whole()
}
