package http2

import (
	"errors"
	"fmt"

	"golang.org/x/net/http2"
)

var (
	// ErrUnprocessed is returned when the endpoint has not looked at a request, and nothing of its body was taken from the
	// client: it may be sent again, whatever it is.
	ErrUnprocessed = errors.New("stream refused by endpoint")

	// ErrForeign is wrapped by errors of connections on which the endpoint speaks something else.
	ErrForeign = errors.New("endpoint does not speak HTTP/2")

	// ErrGone is returned when the client has left while a response was awaited.
	ErrGone = errors.New("client has left")

	// ErrLost is wrapped by errors of streams whose connection ended.
	ErrLost = errors.New("connection ended")

	// ErrUnheard is wrapped by errors of streams whose connection ended before a byte of their response.
	ErrUnheard = fmt.Errorf("%w before a response", ErrLost)

	// ErrSilent is wrapped by errors of streams whose connection does not answer any more.
	ErrSilent = fmt.Errorf("%w: no answer to a ping", ErrLost)
)

// Malformed says which rule of the protocol a response breaks. It never quotes the response.
type Malformed string

func (m Malformed) Error() string { return "malformed response: " + string(m) }

// Reset is the endpoint's end of a stream before its response was complete.
type Reset struct{ Code http2.ErrCode }

func (r *Reset) Error() string { return "stream reset by endpoint: " + r.Code.String() }

// Refused reports whether the endpoint has no room for the request, or for as many.
func (r *Reset) Refused() bool {
	return r.Code == http2.ErrCodeRefusedStream || r.Code == http2.ErrCodeEnhanceYourCalm
}

// BodyError is a failure of reading the request's body.
type BodyError struct{ Err error }

func (e *BodyError) Error() string { return "read request body: " + e.Err.Error() }

// Unwrap returns the error of the stream.
func (e *BodyError) Unwrap() error { return e.Err }
