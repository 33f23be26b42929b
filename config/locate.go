package config

import (
	"cmp"
	"slices"
	"strings"
)

// located turns what Validate found into an [Errors]: each error of the form
// "path.to[2].field: what is wrong" gets the line of its field, or of what the
// field is missing from.
func located(file string, places map[string]place, err error) Errors {
	var all Errors
	for _, one := range flatten(err) {
		field, msg, ok := strings.Cut(one.Error(), ": ")
		if !ok || strings.ContainsAny(field, " \"") {
			field, msg = "", one.Error()
		}
		e := &Error{File: file, Field: field, Msg: msg}
		if at, ok := nearest(places, field); ok {
			e.Line, e.Column = at.line, at.column
		}
		all = append(all, e)
	}
	slices.SortStableFunc(all, func(a, b *Error) int { return cmp.Compare(a.Line, b.Line) })
	return all
}

// flatten lists joined errors.
func flatten(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, flatten(e)...)
	}
	return all
}

// nearest is the place of the field, or of the closest that it is part of.
func nearest(places map[string]place, field string) (place, bool) {
	for field != "" {
		if at, ok := places[field]; ok {
			return at, true
		}
		field = field[:max(strings.LastIndexAny(field, ".["), 0)]
	}
	return place{}, false
}
