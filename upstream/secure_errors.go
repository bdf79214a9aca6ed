package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
)

// knownError is an error that is known to be a failure with a word of its own.
type knownError struct {
	why Failure
	err error
}

func (e *knownError) Error() string { return e.err.Error() }
func (e *knownError) Unwrap() error { return e.err }

// handshakeError says why a handshake has failed. What ends the connection below it is no fault of TLS.
func handshakeError(err error) error {
	if refused := refusal(err); refused != nil {
		return refused
	}
	var name x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	why := NoHandshake
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		why = SlowHandshake
	case errors.As(err, &name):
		why = WrongName
	case errors.As(err, &unknown):
		why = UnknownCA
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		why = Expired
	case errors.As(err, &invalid):
		why = BadCert
	case alertOf(err) == noApplicationProtocol:
		why = NoProtocol
	}
	if why == NoHandshake || why == SlowHandshake {
		err = fmt.Errorf("tls handshake: %w", err) // which may have no word of TLS in it
	}
	return &knownError{why, err}
}

// refusal is what an error says if the endpoint does not accept the tier's certificate; nil if it says something else. With TLS
// 1.3 that comes behind the handshake.
func refusal(err error) error {
	switch alertOf(err) {
	case badCertificate, unsupportedCertificate, certificateRevoked, certificateExpired, certificateUnknown, unknownCA, accessDenied,
		certificateRequired:
		return &knownError{Unwelcome, err}
	}
	return nil
}

// brokenTLS reports whether what came is not what TLS would have sent.
func brokenTLS(err error) bool {
	var op *net.OpError
	var head tls.RecordHeaderError
	return errors.As(err, &head) || errors.As(err, &op) && op.Op == "local error"
}

// Alerts of TLS (RFC 8446, 6): crypto/tls knows them as numbers with a text.
const (
	badCertificate         = tls.AlertError(42)
	unsupportedCertificate = tls.AlertError(43)
	certificateRevoked     = tls.AlertError(44)
	certificateExpired     = tls.AlertError(45)
	certificateUnknown     = tls.AlertError(46)
	unknownCA              = tls.AlertError(48)
	accessDenied           = tls.AlertError(49)
	certificateRequired    = tls.AlertError(116)
	noApplicationProtocol  = tls.AlertError(120)
)

// alertOf is the alert that an endpoint has sent; 0 if the error is another one. The type of those that come by TCP is
// not exported, but their text is.
func alertOf(err error) tls.AlertError {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return 0
	}
	for _, a := range []tls.AlertError{badCertificate, unsupportedCertificate, certificateRevoked, certificateExpired, certificateUnknown,
		unknownCA, accessDenied, certificateRequired, noApplicationProtocol} {
		if op.Err.Error() == a.Error() {
			return a
		}
	}
	return 0
}
