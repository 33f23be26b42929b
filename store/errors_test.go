package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestErrorsOfTheEngineAreNamed(t *testing.T) {
	pg := func(code string) error { return &pgconn.PgError{Code: code, Message: "x"} }
	for _, test := range []struct {
		err     error
		want    error
		refused bool
	}{
		{pg("53100"), ErrFull, false},
		{pg("25006"), ErrReadOnly, false},
		{pg("57P01"), ErrUnavailable, false}, // the server shuts down
		{pg("53300"), ErrUnavailable, false}, // too many connections
		{pg("28P01"), ErrUnavailable, false}, // wrong password
		{pg("08006"), ErrUnavailable, false},
		{pg("22021"), nil, true}, // a NUL in a text
		{pg("23505"), nil, true},
		{pg("42P01"), nil, false}, // no such table
		{pg(""), nil, false},
		{syscall.ENOSPC, ErrFull, false},
		{syscall.EROFS, ErrReadOnly, false},
		{io.ErrUnexpectedEOF, ErrUnavailable, false}, // the server was killed in the middle of a statement
		{driver.ErrBadConn, ErrUnavailable, false},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, ErrUnavailable, false},
		{context.Canceled, nil, false},
		{errBadValue, nil, true},
	} {
		err := fmt.Errorf("wrapped: %w", test.err)
		if got := reasonOf(err); !errors.Is(got, test.want) {
			t.Errorf("%v: got %v, want %v", test.err, got, test.want)
		}
		if got := refused(err); got != test.refused {
			t.Errorf("%v: refused is %v", test.err, got)
		}
		told := (&DB{name: "test.db"}).explain("write to", err)
		if !errors.Is(told, test.err) || test.want != nil && !errors.Is(told, test.want) || !strings.Contains(told.Error(), "test.db") {
			t.Errorf("told as %v", told)
		}
	}
}
