package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// ErrDown is what operations fail with, without being tried, while the store is down.
var ErrDown = &Error{Fault: Down, Err: errors.New("the store is down")}

// Error is an operation that has failed.
type Error struct {
	Fault Fault
	Err   error
}

// Error says what has failed.
func (e *Error) Error() string { return "store: " + e.Err.Error() }

// Unwrap returns what the client library has said.
func (e *Error) Unwrap() error { return e.Err }

// Fault is what an operation has failed with, from a closed set.
type Fault int

// The faults.
const (
	None     Fault = iota
	Down           // it was not tried
	Timeout        // no answer in time
	Refused        // no connection
	Broken         // the connection has ended
	Denied         // user, password, or what the user may do
	Full           // no memory is left for what has to be kept
	ReadOnly       // it is a replica
	NotReady       // it loads, has no master, or is busy
	Strange        // an answer that is none, or too large
	Secure         // TLS: a certificate that is not believed, and its kin
	Other
	faults
)

// Faults returns all of them, None as well.
func Faults() []Fault {
	all := make([]Fault, faults)
	for i := range all {
		all[i] = Fault(i)
	}
	return all
}

// String is the word of a fault, for labels.
func (f Fault) String() string {
	return [faults]string{
		"ok", "down", "timeout", "refused", "broken", "denied", "full", "read_only", "not_ready", "strange", "tls", "other",
	}[f]
}

// said are the beginnings of what servers say of a fault.
var said = [...]struct {
	beginning string
	fault     Fault
}{
	{"OOM", Full},
	{"MISCONF", Full}, // it cannot write to its disk
	{"WRONGPASS", Denied},
	{"NOAUTH", Denied},
	{"NOPERM", Denied},
	{"ERR AUTH", Denied},
	{"ERR invalid password", Denied},
	{"READONLY", ReadOnly},
	{"LOADING", NotReady},
	{"MASTERDOWN", NotReady},
	{"CLUSTERDOWN", NotReady},
	{"NOREPLICAS", NotReady},
	{"TRYAGAIN", NotReady},
	{"BUSY", NotReady},
	{"UNKILLABLE", NotReady},
	{"ERR max number of clients", NotReady},
}

// FaultOf finds out what an error is.
func FaultOf(err error) Fault {
	var own *Error
	var refusal redis.Error
	var record tls.RecordHeaderError
	var invalid *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var netErr net.Error
	switch {
	case err == nil:
		return None
	case errors.As(err, &own):
		return own.Fault
	case errors.Is(err, errPassword):
		return Denied
	case errors.As(err, &refusal):
		return refused(refusal.Error())
	case errors.As(err, &invalid), errors.As(err, &unknown), errors.As(err, &record), errors.Is(err, errFiles), strings.Contains(err.Error(), "tls: "):
		return Secure
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return Timeout
	case errors.As(err, &netErr) && netErr.Timeout():
		return Timeout
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return Refused
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed):
		return Broken
	case strings.Contains(err.Error(), "pool timeout"):
		return Timeout
	case strings.Contains(err.Error(), errReply.Err.Error()): // the library tells it by its words alone
		return Strange
	}
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" || strings.Contains(err.Error(), "sentinels") {
		return Refused
	}
	return refused(err.Error())
}

// refused is the fault of what a server has said, with or without what the library has put in front of it.
func refused(text string) Fault {
	for _, one := range said {
		if strings.HasPrefix(text, one.beginning) || strings.Contains(text, ": "+one.beginning) || strings.Contains(text, "-"+one.beginning+" ") {
			return one.fault
		}
	}
	return Other
}
