package http1

import (
	"strings"

	"github.com/valyala/fasthttp"
	"github.com/wafer-waf/wafer/message"
)

// fill makes of a head that wire has let through a request: its lines end with CRLF, and each has a name
// that is a token. scratch is returned for reuse.
func fill(r *message.Request, h *fasthttp.RequestHeader, scratch []byte) []byte {
	method, target, protocol, raw := h.Method(), h.RequestURI(), h.Protocol(), h.RawHeaders()
	scratch = append(scratch[:0], method...)
	scratch = append(scratch, target...)
	scratch = append(scratch, protocol...)
	scratch = append(scratch, raw...)
	all := string(scratch) // the one copy
	r.Method, all = all[:len(method)], all[len(method):]
	r.Target, all = originForm(all[:len(target)]), all[len(target):]
	r.Protocol, all = all[:len(protocol)], all[len(protocol):]

	r.Fields, r.Host = r.Fields[:0], ""
	for all != "" {
		var line string
		line, all, _ = strings.Cut(all, "\r\n")
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			panic("BUG: a field line without a colon")
		}
		f := message.Field{Name: name, Value: strings.Trim(value, " \t")}
		if f.Is("Host") {
			r.Host = f.Value
		}
		r.Fields = append(r.Fields, f)
	}
	r.Body = message.Body{Length: h.ContentLength()}
	return scratch
}

// originForm cuts scheme and authority from an absolute-form target (RFC 9112 3.2.2).
// The authority equals the Host field, or the request was refused.
func originForm(target string) string {
	if target == "" || target[0] == '/' || target == "*" {
		return target
	}
	_, rest, ok := strings.Cut(target, "://")
	if !ok {
		return target
	}
	i := strings.IndexAny(rest, "/?")
	switch {
	case i < 0:
		return "/"
	case rest[i] == '?':
		return "/" + rest[i:]
	default:
		return rest[i:]
	}
}
