package grpc

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/message"
)

// Code is the status of a call.
type Code uint8

// The codes that a proxy has to do with.
const (
	OK                Code = 0
	Canceled          Code = 1
	Unknown           Code = 2
	DeadlineExceeded  Code = 4
	PermissionDenied  Code = 7
	ResourceExhausted Code = 8
	Unimplemented     Code = 12
	Internal          Code = 13
	Unavailable       Code = 14
	Unauthenticated   Code = 16
)

// Fields of a call's end.
const (
	StatusField  = "grpc-status"
	MessageField = "grpc-message"
	DetailsField = "grpc-status-details-bin"
)

// statusClientGone is what is noted of a client that has left. Nobody receives it.
const statusClientGone = 499

// CodeOf is the code for what HTTP has a status for. It says of a refusal what clients of gRPC act on: they
// come again after Unavailable, and not after PermissionDenied.
func CodeOf(status int) Code {
	switch status {
	case http.StatusUnauthorized:
		return Unauthenticated
	case http.StatusForbidden:
		return PermissionDenied
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusUnsupportedMediaType:
		return Unimplemented
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return DeadlineExceeded
	case http.StatusRequestEntityTooLarge, http.StatusTooManyRequests, http.StatusRequestHeaderFieldsTooLarge:
		return ResourceExhausted
	case http.StatusMisdirectedRequest, http.StatusBadGateway, http.StatusServiceUnavailable:
		return Unavailable
	case http.StatusBadRequest, http.StatusInternalServerError:
		return Internal
	case statusClientGone:
		return Canceled
	}
	return Unknown
}

// End is how a call ends with that code: the fields of its trailers.
func End(c Code, text string) message.Fields {
	return message.Fields{
		{Name: StatusField, Value: strconv.Itoa(int(c))},
		{Name: MessageField, Value: EncodeMessage(text)},
	}
}

// EncodeMessage writes a text as grpc-message has it: percent-encoded, but for visible ASCII and spaces.
func EncodeMessage(text string) string {
	plain := func(c byte) bool { return c >= ' ' && c <= '~' && c != '%' }
	i := 0
	for i < len(text) && plain(text[i]) {
		i++
	}
	if i == len(text) {
		return text
	}
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	b.WriteString(text[:i])
	for ; i < len(text); i++ {
		if c := text[i]; plain(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

// DecodeMessage reads a grpc-message. What is no escape stands for itself.
func DecodeMessage(text string) string {
	if !strings.Contains(text, "%") {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if c, err := strconv.ParseUint(text[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}
