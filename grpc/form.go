package grpc

import "strings"

// Form is how messages stand in a body.
type Form uint8

// The forms.
const (
	None    Form = iota // it is no gRPC
	Plain               // gRPC itself
	Web                 // gRPC-Web: trailers are in the body
	WebText             // likewise, and the body is Base64
)

// IsWeb reports whether a call's trailers are in its body.
func (f Form) IsWeb() bool { return f >= Web }

// FormOf tells the form from a Content-Type. A type that only begins like one of them is none: it says
// something else to some servers.
func FormOf(contentType string) Form {
	name := strings.TrimSpace(contentType)
	if i := strings.IndexAny(name, ";, \t"); i >= 0 {
		name = name[:i]
	}
	const all = "application/grpc"
	if len(name) < len(all) || !strings.EqualFold(name[:len(all)], all) {
		return None
	}
	sub, _, _ := strings.Cut(name[len(all):], "+")
	switch {
	case sub == "":
		return Plain
	case strings.EqualFold(sub, "-web"):
		return Web
	case strings.EqualFold(sub, "-web-text"):
		return WebText
	}
	return None
}
