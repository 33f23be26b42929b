package api

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// cursor names a place in time order, for the next page.
func cursor(at time.Time, id string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(at.UnixNano(), 36) + " " + id))
}

// parseCursor reads what cursor has made; nothing is the beginning.
func parseCursor(text string) (at time.Time, id string, err error) {
	if text == "" {
		return time.Time{}, "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	nanos, id, ok := strings.Cut(string(b), " ")
	n, bad := strconv.ParseInt(nanos, 36, 64)
	if err != nil || !ok || bad != nil {
		return time.Time{}, "", huma.Error422UnprocessableEntity("after is not the next of a page", &huma.ErrorDetail{Location: "query.after", Message: "is not the next of a page"})
	}
	return time.Unix(0, n), id, nil
}
