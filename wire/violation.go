package wire

import (
	"net/http"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/listen"
)

// Violation is the error of a request that the server was not given whole, because it
// breaks the grammar, a limit or a deadline. It surfaces through [Conn.Read], and
// [Conn.Violation] returns it too, for servers that hide what Read said.
type Violation = listen.Violation

func violation(status int, reason string) *Violation {
	return &Violation{Status: status, Reason: reason}
}

// Everything that is refused. Violations are compared by identity and never change.
var (
	emptyLine         = violation(http.StatusBadRequest, "empty_line")
	bareLF            = violation(http.StatusBadRequest, "bare_lf")
	controlByte       = violation(http.StatusBadRequest, "control_byte")
	requestLine       = violation(http.StatusBadRequest, "request_line")
	methodToken       = violation(http.StatusBadRequest, "method")
	methodSize        = violation(http.StatusNotImplemented, "method_size")
	methodRefused     = violation(http.StatusMethodNotAllowed, "method_refused")
	targetByte        = violation(http.StatusBadRequest, "target_byte")
	targetForm        = violation(http.StatusBadRequest, "target_form")
	targetSize        = violation(http.StatusRequestURITooLong, "target_size")
	userinfo          = violation(http.StatusBadRequest, "userinfo")
	authority         = violation(http.StatusMisdirectedRequest, "authority")
	versionSyntax     = violation(http.StatusBadRequest, "version")
	versionUnknown    = violation(http.StatusHTTPVersionNotSupported, "version_unsupported")
	http2Preface      = violation(http.StatusHTTPVersionNotSupported, "http2_preface")
	headSize          = violation(http.StatusRequestHeaderFieldsTooLarge, "head_size")
	fieldCount        = violation(http.StatusRequestHeaderFieldsTooLarge, "field_count")
	obsFold           = violation(http.StatusBadRequest, "obs_fold")
	fieldName         = violation(http.StatusBadRequest, "field_name")
	repeatedField     = violation(http.StatusBadRequest, "repeated_field")
	hostMissing       = violation(http.StatusBadRequest, "host_missing")
	hostSyntax        = violation(http.StatusBadRequest, "host")
	contentLength     = violation(http.StatusBadRequest, "content_length")
	transferEncoding  = violation(http.StatusNotImplemented, "transfer_encoding")
	framingConflict   = violation(http.StatusBadRequest, "framing_conflict")
	expectation       = violation(http.StatusExpectationFailed, "expectation")
	chunkSize         = violation(http.StatusBadRequest, "chunk_size")
	chunkExtension    = violation(http.StatusBadRequest, "chunk_extension")
	chunkEnd          = violation(http.StatusBadRequest, "chunk_end")
	trailerSize       = violation(http.StatusRequestHeaderFieldsTooLarge, "trailer_size")
	trailerForbidden  = violation(http.StatusBadRequest, "trailer_forbidden")
	truncated         = violation(http.StatusBadRequest, listen.Truncated)
	headTimeout       = violation(http.StatusRequestTimeout, "head_timeout")
	bodyTimeout       = violation(http.StatusRequestTimeout, "body_timeout")
	bodyRate          = violation(http.StatusRequestTimeout, "body_rate")
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
