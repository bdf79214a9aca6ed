package secure

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/wafer-waf/wafer/identity"
	"github.com/wafer-waf/wafer/socket"
)

// What comes of handshakes.
const (
	ResultOK          = "ok"
	ResultResumed     = "resumed" // a session that was begun before
	ResultBusy        = "busy"    // too many wait
	ResultTimeout     = "timeout"
	ResultTooLarge    = "too_large"
	ResultNotTLS      = "not_tls"
	ResultVersion     = "version" // none that both speak
	ResultCipher      = "cipher"  // likewise
	ResultProtocol    = "alpn"    // likewise
	ResultUnknownName = "unknown_name"
	ResultNone        = "client_certificate_missing"
	ResultUntrusted   = "client_certificate_untrusted"
	ResultExpired     = "client_certificate_expired"
	ResultRevoked     = "client_certificate_revoked"
	ResultNotAllowed  = "client_certificate_not_allowed"
	ResultDistrusted  = "certificate_refused" // ours, by the client
	ResultAlert       = "client_alert"
	ResultClosed      = "closed" // by the client
	ResultMalformed   = "malformed"
)

// Results returns what can come of handshakes, sorted: a closed set.
func Results() []string {
	all := []string{
		ResultOK, ResultResumed, ResultBusy, ResultTimeout, ResultTooLarge, ResultNotTLS, ResultVersion, ResultCipher, ResultProtocol,
		ResultUnknownName, ResultNone, ResultUntrusted, ResultExpired, ResultRevoked, ResultNotAllowed, ResultDistrusted,
		ResultAlert, ResultClosed, ResultMalformed,
	}
	slices.Sort(all)
	return all
}

// foresee notes why the handshake is going to fail, where package tls would say it in words alone.
func (u *under) foresee(hello *tls.ClientHelloInfo, o *Options) {
	lowest := max(o.MinVersion, tls.VersionTLS12)
	switch {
	case !slices.ContainsFunc(hello.SupportedVersions, func(v uint16) bool { return v >= lowest && v <= tls.VersionTLS13 }):
		u.refusal = ResultVersion
	case !slices.Contains(hello.SupportedVersions, tls.VersionTLS13) && !anyCipher(hello.CipherSuites, o.Ciphers):
		u.refusal = ResultCipher
	}
}

// anyCipher reports whether one of those that a client offers is among those that may be used in TLS 1.2.
func anyCipher(offered, allowed []uint16) bool {
	if allowed == nil {
		for _, c := range tls.CipherSuites() {
			allowed = append(allowed, c.ID)
		}
	}
	return slices.ContainsFunc(offered, func(c uint16) bool { return slices.Contains(allowed, c) })
}

// failed counts a handshake that has failed. One that never began, as those that only look whether somebody
// listens, is none.
func (u *under) failed(err error, took time.Duration) {
	if u.read == 0 && !errors.Is(err, os.ErrDeadlineExceeded) {
		return
	}
	h := Handshake{Version: "none", Cipher: "none", Result: u.result(err), Took: took}
	if h.Result == ResultNotTLS {
		u.sayHTTP(err)
	}
	u.l.o.Handshaken(h)
}

// sayHTTP tells a client that speaks HTTP without TLS what is wrong, as far as it can be told.
func (u *under) sayHTTP(err error) {
	var h tls.RecordHeaderError
	if !errors.As(err, &h) {
		return
	}
	switch string(h.RecordHeader[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "PATCH", "DELET":
		_, _ = u.Write([]byte(sayNotTLS))
	}
}

const sayNotTLS = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 48\r\nConnection: close\r\n\r\n" +
	"This port speaks HTTPS: write https://, please.\n"

// result is why a handshake has failed, as a word.
func (u *under) result(err error) string {
	var header tls.RecordHeaderError
	var unverified *tls.CertificateVerificationError
	var op *net.OpError
	switch {
	case errors.Is(err, errNoPlace):
		return ResultBusy
	case errors.Is(err, errTooLarge):
		return ResultTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ResultTimeout
	case errors.As(err, &op) && op.Op == "remote error":
		return alertOf(op.Err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed):
		return ResultClosed
	case errors.As(err, &header):
		return ResultNotTLS
	case u.refusal != "":
		return u.refusal
	case errors.As(err, &unverified):
		return certificateResult(identity.Distrust(unverified.Err))
	case certificateResult(err) != "":
		return certificateResult(err)
	case strings.HasSuffix(err.Error(), "didn't provide a certificate"):
		return ResultNone
	case strings.Contains(err.Error(), "unsupported application protocols"):
		return ResultProtocol
	case u.alert != 0:
		return alertOf(tls.AlertError(u.alert))
	}
	return ResultMalformed
}

// alertIn returns the alert that a client sends in clear text, behind the record that TLS 1.3 has for the sake of middleboxes;
// 0: there is none. A client of OpenSSL that does not believe our certificate in TLS 1.3 does so: it has not
// yet changed its keys, while package tls has and takes what comes for broken.
func alertIn(p []byte) uint8 {
	if len(p) >= 6 && p[0] == recordChange {
		p = p[6:]
	}
	if len(p) < 7 || p[0] != recordAlert || p[1] != 3 || p[3] != 0 || p[4] != 2 {
		return 0
	}
	return p[6]
}

// Types of records (RFC 8446, B.1).
const (
	recordChange = 20
	recordAlert  = 21
)

func certificateResult(err error) string {
	switch {
	case errors.Is(err, identity.ErrUntrusted):
		return ResultUntrusted
	case errors.Is(err, identity.ErrExpired):
		return ResultExpired
	case errors.Is(err, identity.ErrRevoked):
		return ResultRevoked
	case errors.Is(err, identity.ErrNotAllowed):
		return ResultNotAllowed
	}
	return ""
}

// alertOf tells those who do not believe our certificate from other clients that give up.
func alertOf(alert error) string {
	const badCertificate, unknownCA = tls.AlertError(42), tls.AlertError(48) // and what lies between (RFC 8446, 6.2)
	for a := badCertificate; a <= unknownCA; a++ {
		if alert.Error() == a.Error() { // the type of the error is not exported
			return ResultDistrusted
		}
	}
	return ResultAlert
}

func version(v uint16) string {
	if v == tls.VersionTLS12 {
		return "1.2"
	}
	return "1.3"
}

func household(a net.Addr) (none netip.Prefix) {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return socket.Household(tcp.AddrPort().Addr().Unmap())
	}
	return none
}
