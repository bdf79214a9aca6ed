package upstream

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"

	"github.com/wafer-waf/wafer/socket"
)

var (
	// ErrBusy is returned when every endpoint that could be tried already has as many
	// connections as Config.Connections allows, or requests as Config.Limits does. Nothing was sent.
	ErrBusy = errors.New("all connections busy")

	// ErrNone is returned when it is not known of any endpoint where it is.
	ErrNone = errors.New("no endpoint")

	// ErrTimeout is wrapped by errors of Pool.Do and of reading a Body when the endpoint was
	// silent for too long or Exchange.Deadline has passed.
	ErrTimeout = errors.New("endpoint timeout")

	// ErrMalformed is wrapped by errors of Pool.Do and of reading a Body when the response breaks
	// the protocol.
	ErrMalformed = errors.New("malformed response")

	// ErrClosed is wrapped by errors of Pool.Do and of reading a Body when the endpoint closed or
	// reset the connection before its response was complete. A body that ends early without
	// a reset is io.ErrUnexpectedEOF.
	ErrClosed = errors.New("connection closed by endpoint")
)

// SettingError is wrapped by errors of New about what TLS was told. Key is its setting, ca or certificate.
type SettingError struct {
	Key string
	Err error
}

func (e *SettingError) Error() string { return e.Key + ": " + e.Err.Error() }

func (e *SettingError) Unwrap() error { return e.Err }

// ErrGone is wrapped by errors of Pool.Do when the client has left while its response was awaited.
var ErrGone = errors.New("client has left")

// ConnectError is returned when no connection could be opened to any endpoint. Endpoint
// is the last one tried. Nothing was sent.
type ConnectError struct {
	Endpoint string
	Err      error
}

func (e *ConnectError) Error() string { return "connect to " + e.Endpoint + ": " + e.Err.Error() }

// Unwrap returns the dialer's error.
func (e *ConnectError) Unwrap() error { return e.Err }

// ClientBodyError is returned when reading the request body from the client's side failed
// or ended early: not the endpoint's fault. Part of the request may have been sent; the
// endpoint's connection is closed.
type ClientBodyError struct{ Err error }

func (e *ClientBodyError) Error() string { return "read request body: " + e.Err.Error() }

// Unwrap returns the error of the body stream.
func (e *ClientBodyError) Unwrap() error { return e.Err }

// Failure is why an exchange failed: a word of a closed set, and the status that says so to a client.
type Failure struct {
	Status int
	Word   string
}

// Everything that an exchange can fail with.
var (
	Unreachable = Failure{http.StatusServiceUnavailable, "connect"}
	Unconnected = Failure{http.StatusServiceUnavailable, "connect_timeout"}
	Unresolved  = Failure{http.StatusServiceUnavailable, "name"}      // the endpoint's name has no address, or DNS no answer
	Exhausted   = Failure{http.StatusServiceUnavailable, "resources"} // this process has no descriptor or port left: not the endpoint's fault
	Busy        = Failure{http.StatusServiceUnavailable, "busy"}
	QueueFull   = Failure{http.StatusServiceUnavailable, "queue_full"}
	Waited      = Failure{http.StatusServiceUnavailable, "queue_timeout"}
	None        = Failure{http.StatusServiceUnavailable, "none"}        // there is no endpoint
	TimedOut    = Failure{http.StatusGatewayTimeout, "timeout"}         // no head of a response within Config.Response
	OutOfTime   = Failure{http.StatusGatewayTimeout, "request_timeout"} // none by Exchange.Deadline
	Endless     = Failure{http.StatusGatewayTimeout, "total_timeout"}   // no end of one within Config.Total
	Stalled     = Failure{http.StatusGatewayTimeout, "idle_timeout"}    // silence within a body, of Exchange.BodyIdle
	Malformed   = Failure{http.StatusBadGateway, "malformed"}
	Closed      = Failure{http.StatusBadGateway, "closed"}
	NoBody      = Failure{http.StatusBadRequest, "client"} // the client's fault

	WrongName     = Failure{http.StatusBadGateway, "tls_name"}               // the endpoint's certificate is for somebody else
	Expired       = Failure{http.StatusBadGateway, "tls_expired"}            // or not valid yet
	UnknownCA     = Failure{http.StatusBadGateway, "tls_authority"}          // nobody who is believed has signed it
	BadCert       = Failure{http.StatusBadGateway, "tls_certificate"}        // it may not be used for this
	Unwelcome     = Failure{http.StatusBadGateway, "tls_client_certificate"} // the endpoint does not accept the tier's, or its absence
	SlowHandshake = Failure{http.StatusBadGateway, "tls_timeout"}
	NoHandshake   = Failure{http.StatusBadGateway, "tls_handshake"} // the endpoint speaks no TLS, or none that the tier does
	NoProtocol    = Failure{http.StatusBadGateway, "protocol"}      // it does not speak the version of HTTP that it has to

	Unwanted = Failure{http.StatusBadGateway, "status"} // its status is one that another endpoint is asked for

	Refused = Failure{http.StatusServiceUnavailable, "refused"} // it has no room for the request
	Reset   = Failure{http.StatusBadGateway, "reset"}           // it has given the request up
	Left    = Failure{statusClientLeft, "client_gone"}
)

// statusClientLeft is what nobody hears.
const statusClientLeft = 499

// FailureOf is what an error of Pool.Do or of reading a Body says.
func FailureOf(err error) Failure {
	var connect *ConnectError
	var client *ClientBodyError
	var known *knownError
	switch {
	case errors.As(err, &client):
		return NoBody
	case errors.As(err, &known):
		return known.why
	case errors.Is(err, ErrTimeout): // also while connecting: the request had no more time
		return TimedOut
	case errors.As(err, &connect):
		return connect.failure()
	case errors.Is(err, ErrBusy):
		return Busy
	case errors.Is(err, ErrNone):
		return None
	case errors.Is(err, ErrGone):
		return Left
	case errors.Is(err, ErrMalformed):
		return Malformed
	}
	return Closed
}

// tooLate says of an error that says that something took too long what that was.
func tooLate(err error, what Failure) error {
	if err == nil || FailureOf(err) != TimedOut {
		return err
	}
	return &knownError{what, err}
}

// failure tells why no connection could be opened.
func (e *ConnectError) failure() Failure {
	for _, full := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL} {
		if errors.Is(e.Err, full) {
			return Exhausted
		}
	}
	var name *net.DNSError
	var late net.Error
	switch {
	case errors.As(e.Err, &name):
	case errors.As(e.Err, &late) && late.Timeout():
		return Unconnected
	default:
		return Unreachable
	}
	switch {
	case strings.Contains(name.Err, syscall.EMFILE.Error()): // of asking DNS only the text is left
		return Exhausted
	}
	return Unresolved
}

// malformed says which rule of the protocol a response breaks. It never quotes the response.
type malformed string

func (m malformed) Error() string        { return ErrMalformed.Error() + ": " + string(m) }
func (m malformed) Is(target error) bool { return target == ErrMalformed }

// exchangeError is a failure after a connection was there.
type exchangeError struct {
	endpoint string
	kind     error // ErrTimeout, ErrClosed; nil if cause says it itself
	cause    error
}

func (e *exchangeError) Error() string {
	s := "exchange with " + e.endpoint + ": "
	if e.kind != nil {
		s += e.kind.Error() + ": "
	}
	return s + e.cause.Error()
}

func (e *exchangeError) Unwrap() []error {
	if e.kind == nil {
		return []error{e.cause}
	}
	return []error{e.kind, e.cause}
}

// wireError gives an error of the connection, or of reading the response, its kind.
func wireError(endpoint string, err error) error {
	if refused := refusal(err); refused != nil {
		err = refused
	}
	var known *knownError
	switch {
	case errors.Is(err, ErrMalformed), errors.As(err, &known):
		return &exchangeError{endpoint, nil, err}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &exchangeError{endpoint, ErrTimeout, err}
	case errors.Is(err, socket.ErrUnwanted):
		return &exchangeError{endpoint, ErrGone, err}
	case err == io.EOF:
		return &exchangeError{endpoint, ErrClosed, io.ErrUnexpectedEOF}
	case brokenTLS(err):
		return &exchangeError{endpoint, ErrMalformed, err}
	default:
		return &exchangeError{endpoint, ErrClosed, err}
	}
}
