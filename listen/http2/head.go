package http2

import (
	"strings"

	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/wire"
	"golang.org/x/net/http2/hpack"
)

// fieldOverhead is what a field counts beside its bytes (RFC 9113, 6.5.2).
const fieldOverhead = 32

// fieldList is what a head, or trailers, have said. Fields beyond the limit are only counted.
type fieldList struct {
	fields []hpack.HeaderField
	limit  int
	over   bool
}

// add is called with each field as it is decoded.
func (l *fieldList) add(f hpack.HeaderField) {
	l.limit -= len(f.Name) + len(f.Value) + fieldOverhead
	if l.limit < 0 {
		l.over = true
		return
	}
	l.fields = append(l.fields, f)
}

// headReader makes requests of heads.
type headReader struct {
	judge       wire.Head
	most        int // fields
	targetBytes int
}

// pseudo are the fields that are no fields, but what a request line would say.
type pseudo struct {
	method, scheme, authority, path        string
	hasMethod, hasScheme, hasHost, hasPath bool
}

// set takes note of one. It reports false if it is unknown, or said twice.
func (p *pseudo) set(f *hpack.HeaderField) bool {
	value, has := (*string)(nil), (*bool)(nil)
	switch f.Name {
	case ":method":
		value, has = &p.method, &p.hasMethod
	case ":scheme":
		value, has = &p.scheme, &p.hasScheme
	case ":authority":
		value, has = &p.authority, &p.hasHost
	case ":path":
		value, has = &p.path, &p.hasPath
	default:
		return false
	}
	if *has {
		return false
	}
	*value, *has = f.Value, true
	return true
}

// request makes a request of a head. With a violation, it has what can be shown of it.
func (h *headReader) request(l *fieldList, ends bool) (message.Request, *listen.Violation) {
	r := message.Request{Protocol: message.HTTP20, Body: message.Body{}}
	var p pseudo
	regular := l.fields
	for len(regular) > 0 && strings.HasPrefix(regular[0].Name, ":") {
		if !p.set(&regular[0]) {
			return shown(&r, &p), pseudoField
		}
		regular = regular[1:]
	}
	h.judge.Reset()
	if v := h.start(&p); v != nil {
		return shown(&r, &p), v
	}
	r.Method, r.Target = p.method, p.path
	if v := h.fields(&r, regular, &p); v != nil {
		return r, v
	}
	if l.over {
		return r, headSize
	}
	if v := h.host(&r, &p); v != nil {
		return r, v
	}
	length, announced := h.judge.Length()
	switch {
	case ends && length > 0:
		return r, bodyLength
	case announced:
		r.Body.Length = int(length)
	case !ends:
		r.Body.Length = -1
	}
	return r, nil
}

// shown is a request with what can be shown of a bad beginning.
func shown(r *message.Request, p *pseudo) message.Request {
	if message.IsToken(p.method) {
		r.Method, r.Target = p.method, p.path
	}
	return *r
}

// start judges what a request line would say.
func (h *headReader) start(p *pseudo) *listen.Violation {
	if p.method == "CONNECT" {
		return h.judge.Start(p.method, "/", h.targetBytes) // refused for the method: it has no path
	}
	if !p.hasMethod || !p.hasScheme || !p.hasPath || p.scheme != "http" && p.scheme != "https" {
		return pseudoField
	}
	return h.judge.Start(p.method, p.path, h.targetBytes)
}

// fields takes the fields behind the pseudo fields into the request.
func (h *headReader) fields(r *message.Request, regular []hpack.HeaderField, p *pseudo) *listen.Violation {
	var crumbs []string
	cookie := -1 // where the first crumb is
	room := make(message.Fields, 0, len(regular)+1)
	if p.hasHost {
		room = append(room, message.Field{Name: "host", Value: p.authority}) // unless there is one
	}
	for i := range regular {
		f := &regular[i]
		if v := h.field(f.Name, f.Value); v != nil {
			return v
		}
		switch {
		case f.Name == "host" && p.hasHost:
			if !wire.Same(f.Value, p.authority) {
				return authority
			}
			continue
		case f.Name == "host":
			r.Host = f.Value
		case f.Name == "cookie" && cookie < 0:
			cookie = len(room)
			crumbs = appendCrumb(crumbs, f.Value)
		case f.Name == "cookie":
			crumbs = appendCrumb(crumbs, f.Value)
			continue
		}
		room = append(room, message.Field{Name: f.Name, Value: f.Value})
		if len(room) > h.most {
			return fieldCount
		}
	}
	if cookie >= 0 {
		room[cookie].Value = strings.Join(crumbs, "; ")
	}
	r.Fields = room
	return nil
}

// appendCrumb appends a part of a cookie field (RFC 9113, 8.2.3). An empty one would only leave white space at
// the end of the whole.
func appendCrumb(crumbs []string, value string) []string {
	if value == "" {
		return crumbs
	}
	return append(crumbs, value)
}

// field judges one field.
func (h *headReader) field(name, value string) *listen.Violation {
	if v := h.spelling(name, value); v != nil {
		return v
	}
	return h.judge.Field(name, value)
}

// spelling judges what HTTP/2 alone demands of a field.
func (h *headReader) spelling(name, value string) *listen.Violation {
	switch {
	case strings.HasPrefix(name, ":"):
		return pseudoField
	case strings.ContainsFunc(name, func(c rune) bool { return c >= 'A' && c <= 'Z' }):
		return fieldName
	case value != strings.Trim(value, " \t"):
		return fieldSpace
	}
	switch name {
	case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade":
		return connectionField
	case "te":
		if value != "trailers" {
			return connectionField
		}
	}
	return nil
}

// host finds out who is asked.
func (h *headReader) host(r *message.Request, p *pseudo) *listen.Violation {
	if !p.hasHost {
		if r.Host == "" {
			return hostMissing
		}
		return nil
	}
	if strings.Contains(p.authority, "@") {
		return userinfo
	}
	hosted := h.judge.Hosted()
	if !hosted {
		if v := h.judge.Field("host", p.authority); v != nil {
			return v
		}
	}
	r.Host = p.authority
	return nil
}

// trailers makes fields of those behind a body.
func (h *headReader) trailers(l *fieldList) (message.Fields, *listen.Violation) {
	h.judge.Reset()
	var fields message.Fields
	for i := range l.fields {
		f := &l.fields[i]
		if v := h.spelling(f.Name, f.Value); v != nil {
			return nil, v
		}
		if v := h.judge.Trailer(f.Name, f.Value); v != nil {
			return nil, v
		}
		fields = append(fields, message.Field{Name: f.Name, Value: f.Value})
	}
	if l.over {
		return nil, trailerSize
	}
	return fields, nil
}
