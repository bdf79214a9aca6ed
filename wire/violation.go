package wire

import (
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
)

// Violation is the error of a request that the server was not given whole, because it
// breaks the grammar, a limit or a deadline. It surfaces through [Conn.Read], and
// [Conn.Violation] returns it too, for servers that hide what Read said.
//
// A Violation with status 408 is a time-out (net.Error, os.ErrDeadlineExceeded), and the
// one with the reason "truncated" is io.ErrUnexpectedEOF to errors.Is.
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
	case v == truncated:
		return io.ErrUnexpectedEOF
	}
	return nil
}

// Everything that is refused. Violations are compared by identity and never change.
var (
	emptyLine         = &Violation{http.StatusBadRequest, "empty_line"}
	bareLF            = &Violation{http.StatusBadRequest, "bare_lf"}
	controlByte       = &Violation{http.StatusBadRequest, "control_byte"}
	requestLine       = &Violation{http.StatusBadRequest, "request_line"}
	methodToken       = &Violation{http.StatusBadRequest, "method"}
	methodSize        = &Violation{http.StatusNotImplemented, "method_size"}
	methodRefused     = &Violation{http.StatusMethodNotAllowed, "method_refused"}
	targetByte        = &Violation{http.StatusBadRequest, "target_byte"}
	targetForm        = &Violation{http.StatusBadRequest, "target_form"}
	targetSize        = &Violation{http.StatusRequestURITooLong, "target_size"}
	userinfo          = &Violation{http.StatusBadRequest, "userinfo"}
	authority         = &Violation{http.StatusMisdirectedRequest, "authority"}
	versionSyntax     = &Violation{http.StatusBadRequest, "version"}
	versionUnknown    = &Violation{http.StatusHTTPVersionNotSupported, "version_unsupported"}
	http2Preface      = &Violation{http.StatusHTTPVersionNotSupported, "http2_preface"}
	headSize          = &Violation{http.StatusRequestHeaderFieldsTooLarge, "head_size"}
	fieldCount        = &Violation{http.StatusRequestHeaderFieldsTooLarge, "field_count"}
	obsFold           = &Violation{http.StatusBadRequest, "obs_fold"}
	fieldName         = &Violation{http.StatusBadRequest, "field_name"}
	repeatedField     = &Violation{http.StatusBadRequest, "repeated_field"}
	hostMissing       = &Violation{http.StatusBadRequest, "host_missing"}
	hostSyntax        = &Violation{http.StatusBadRequest, "host"}
	contentLength     = &Violation{http.StatusBadRequest, "content_length"}
	transferEncoding  = &Violation{http.StatusNotImplemented, "transfer_encoding"}
	framingConflict   = &Violation{http.StatusBadRequest, "framing_conflict"}
	expectation       = &Violation{http.StatusExpectationFailed, "expectation"}
	chunkSize         = &Violation{http.StatusBadRequest, "chunk_size"}
	chunkExtension    = &Violation{http.StatusBadRequest, "chunk_extension"}
	chunkEnd          = &Violation{http.StatusBadRequest, "chunk_end"}
	trailerSize       = &Violation{http.StatusRequestHeaderFieldsTooLarge, "trailer_size"}
	trailerForbidden  = &Violation{http.StatusBadRequest, "trailer_forbidden"}
	truncated         = &Violation{http.StatusBadRequest, "truncated"}
	headTimeout       = &Violation{http.StatusRequestTimeout, "head_timeout"}
	bodyTimeout       = &Violation{http.StatusRequestTimeout, "body_timeout"}
	bodyRate          = &Violation{http.StatusRequestTimeout, "body_rate"}
	everyRequestFault = []*Violation{
		emptyLine, bareLF, controlByte, requestLine, methodToken, methodSize, methodRefused, targetByte, targetForm,
		targetSize, userinfo, authority, versionSyntax, versionUnknown, http2Preface, headSize, fieldCount, obsFold,
		fieldName, repeatedField, hostMissing, hostSyntax, contentLength, transferEncoding, framingConflict,
		expectation, chunkSize, chunkExtension, chunkEnd, trailerSize, trailerForbidden, truncated, headTimeout,
		bodyTimeout, bodyRate,
	}
)

// Reasons returns every reason a [Violation] can have, sorted: a closed set, fit for the
// labels of a metric.
func Reasons() []string {
	reasons := make([]string, len(everyRequestFault))
	for i, v := range everyRequestFault {
		reasons[i] = v.Reason
	}
	slices.SortFunc(reasons, strings.Compare)
	return reasons
}
