package http2

import (
	"net/http"
	"slices"

	"github.com/wafer-waf/wafer/listen"
)

func violation(status int, reason string) *listen.Violation {
	return &listen.Violation{Status: status, Reason: reason}
}

// What package wire cannot refuse, since HTTP/1 says it otherwise or not at all. Where both have the same
// thing to refuse, it has the same reason.
var (
	pseudoField     = violation(http.StatusBadRequest, "pseudo_field")
	connectionField = violation(http.StatusBadRequest, "connection_field")
	fieldSpace      = violation(http.StatusBadRequest, "field_space")
	fieldName       = violation(http.StatusBadRequest, "field_name")
	bodyLength      = violation(http.StatusBadRequest, "content_length")
	userinfo        = violation(http.StatusBadRequest, "userinfo")
	authority       = violation(http.StatusMisdirectedRequest, "authority")
	hostMissing     = violation(http.StatusBadRequest, "host_missing")
	headSize        = violation(http.StatusRequestHeaderFieldsTooLarge, "head_size")
	fieldCount      = violation(http.StatusRequestHeaderFieldsTooLarge, "field_count")
	trailerSize     = violation(http.StatusRequestHeaderFieldsTooLarge, "trailer_size")
	truncated       = violation(http.StatusBadRequest, listen.Truncated)
	headTimeout     = violation(http.StatusRequestTimeout, "head_timeout")
	bodyTimeout     = violation(http.StatusRequestTimeout, "body_timeout")
	bodyRate        = violation(http.StatusRequestTimeout, "body_rate")

	protocol      = violation(http.StatusBadRequest, "http2_protocol") // found by the server
	continuations = violation(http.StatusRequestHeaderFieldsTooLarge, "http2_continuations")
	unread        = violation(http.StatusServiceUnavailable, "http2_unread")
	resets        = violation(http.StatusTooManyRequests, "http2_resets")
	controlFrames = violation(http.StatusTooManyRequests, "http2_control_frames")
)

// malformed are the reasons of requests that RFC 9113 (8.1.1) calls malformed. Their stream is reset; others
// are answered, since they are requests.
var malformed = []string{
	"pseudo_field", "target_form", "connection_field", "field_space", "field_name", "control_byte", "content_length", "userinfo", "authority",
}

func isMalformed(v *listen.Violation) bool { return slices.Contains(malformed, v.Reason) }
