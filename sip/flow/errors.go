package flow

import "errors"

// Causes a flow's Err gives. They are wrapped, so use errors.Is.
var (
	// ErrClosed ends the flows of a Transport that was closed, and flows closed without a cause.
	ErrClosed = errors.New("the flow was closed")
	// ErrFarEnd ends a flow whose far end closed it in good order.
	ErrFarEnd = errors.New("the far end closed the connection")
	// ErrNoPong ends a flow whose far end did not answer a keep-alive (RFC 5626 §4.4.1).
	ErrNoPong = errors.New("the far end did not answer a keep-alive in time")
	// ErrQueueFull ends a flow whose far end reads more slowly than we send.
	ErrQueueFull = errors.New("the far end reads too slowly, its send queue is full")
	// ErrIdle ends an accepted connection that says nothing, or never finishes what it began.
	ErrIdle = errors.New("the connection was idle, or left a message unfinished, for too long")
	// ErrEvicted ends an accepted connection that has shown nothing useful when room is needed.
	ErrEvicted = errors.New("the connection gave way to a new one, at the cap of connections")
	// ErrNoSocket is Dial's and Get's error when no UDP socket of the address family listens.
	ErrNoSocket = errors.New("no UDP socket of this address family listens")
)
