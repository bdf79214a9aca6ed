package listen

import (
	"io"
	"net/http"
	"os"
)

// Truncated is the reason of a request that has ended before its end.
const Truncated = "truncated"

// Violation is the error of a request that was not given to a handler whole, because it breaks the
// grammar, a limit or a deadline.
//
// A Violation with status 408 is a time-out (net.Error, os.ErrDeadlineExceeded), and the
// one with the reason Truncated is io.ErrUnexpectedEOF to errors.Is.
type Violation struct {
	Status int    // to answer with: 400..505
	Reason string // one of Reasons
}

func (v *Violation) Error() string {
	if v.Timeout() {
		return "request too slow: " + v.Reason
	}
	return "request refused: " + v.Reason
}

// Timeout reports whether the client was too slow.
func (v *Violation) Timeout() bool { return v.Status == http.StatusRequestTimeout }

// Temporary is false: no further read on the connection can succeed. With Timeout it
// makes a Violation a net.Error.
func (v *Violation) Temporary() bool { return false }

// Unwrap returns the standard library's name for what happened, if it has one.
func (v *Violation) Unwrap() error {
	switch {
	case v.Timeout():
		return os.ErrDeadlineExceeded
	case v.Reason == Truncated:
		return io.ErrUnexpectedEOF
	}
	return nil
}
