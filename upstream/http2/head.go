package http2

import (
	"strconv"

	"github.com/wafer-waf/wafer/message"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// maxInterim bounds the 1xx responses before the final one.
const maxInterim = 16

// perConnection are fields that HTTP/2 has no place for: whoever passes one on as it came may be talked into another
// message (RFC 9113, 8.2.2).
func perConnection(name string) bool {
	switch name {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te":
		return true
	}
	return false
}

// takeHead takes a list of fields: of the response, of one before it, or behind its body.
func (s *stream) takeHead(f *http2.MetaHeadersFrame) Malformed {
	s.heard = true
	switch {
	case s.ended:
		return "fields behind the end"
	case f.Truncated, headBytes(f.Fields) > maxHeadBytes:
		return "head too large"
	case s.final:
		return s.takeTrailers(f)
	}
	r := &message.Response{}
	length, wrong := readHead(f.Fields, r)
	if wrong != "" {
		return wrong
	}
	switch {
	case r.Status == 101:
		return "101 in HTTP/2"
	case r.Status < 200 && (f.StreamEnded() || length >= 0):
		return "interim response with a body"
	case r.Status < 200:
		if s.interims++; s.interims > maxInterim {
			return "too many interim responses"
		}
		s.heads = append(s.heads, r)
		s.wake()
		return ""
	}
	if f.StreamEnded() && length > 0 && !s.head && r.Status != 304 {
		return "body shorter than its length"
	}
	s.final = true
	if s.head || r.Status == 204 || r.Status == 304 {
		s.length = 0
	} else {
		s.length = length
	}
	s.heads = append(s.heads, r)
	if f.StreamEnded() {
		return s.end()
	}
	s.wake()
	return ""
}

func headBytes(list []hpack.HeaderField) (n int) {
	for i := range list {
		n += int(list[i].Size())
	}
	return n
}

// end takes the end of the response.
func (s *stream) end() Malformed {
	if s.length > s.got {
		return "body shorter than its length"
	}
	s.ended = true
	s.wake()
	return ""
}

func (s *stream) takeTrailers(f *http2.MetaHeadersFrame) Malformed {
	if !f.StreamEnded() {
		return "fields within the body"
	}
	fields := make(message.Fields, 0, len(f.Fields))
	for i := range f.Fields {
		h := &f.Fields[i]
		if h.IsPseudo() || perConnection(h.Name) || framing(h.Name) {
			return "field behind the body"
		}
		if !clean(h.Value) {
			return "field value"
		}
		fields = append(fields, message.Field{Name: h.Name, Value: h.Value})
	}
	s.trailers = fields
	return s.end()
}

// framing are fields that say what a message is: behind it, they come too late (RFC 9110, 6.5.1).
func framing(name string) bool {
	switch name {
	case "content-length", "content-type", "content-encoding", "content-range", "trailer", "host", "set-cookie":
		return true
	}
	return false
}

// takeData takes a part of the body, which with its padding is size bytes long.
func (s *stream) takeData(f *http2.DataFrame, size int) Malformed {
	data := f.Data()
	s.heard = true
	switch {
	case s.ended:
		return "body behind the end"
	case !s.final:
		return "body before its head"
	case size > s.open:
		return "more than the window"
	}
	s.open -= size
	s.taken += size - len(data) // nobody will read it
	if s.got += len(data); s.length >= 0 && s.got > s.length {
		return "body longer than its length"
	}
	s.hold(data)
	if f.StreamEnded() {
		return s.end()
	}
	s.wake()
	return ""
}

// readHead reads the fields of a response into to. What two readers could take in two ways is refused.
func readHead(list []hpack.HeaderField, to *message.Response) (length int, wrong Malformed) {
	if len(list) == 0 || list[0].Name != ":status" || !isStatus(list[0].Value) {
		return 0, "status"
	}
	to.Status, _ = strconv.Atoi(list[0].Value)
	to.Fields = make(message.Fields, 0, len(list)-1)
	length = -1
	var types, encodings, lengths int
	for i := range list[1:] {
		h := &list[i+1]
		switch {
		case h.IsPseudo():
			return 0, "pseudo-header field"
		case perConnection(h.Name):
			return 0, "field of a connection"
		case !clean(h.Value):
			return 0, "field value"
		}
		switch h.Name {
		case "content-type":
			types++
		case "content-encoding":
			encodings++
		case "content-length":
			lengths++
			n, ok := parseLength(h.Value)
			if !ok {
				return 0, "Content-Length"
			}
			length = n
		}
		to.Fields = append(to.Fields, message.Field{Name: h.Name, Value: h.Value})
	}
	if types > 1 || encodings > 1 || lengths > 1 {
		return 0, "repeated singleton field"
	}
	return length, ""
}

func isStatus(s string) bool {
	return len(s) == 3 && s[0] >= '1' && s[0] <= '9' && s[1] >= '0' && s[1] <= '9' && s[2] >= '0' && s[2] <= '9'
}

// parseLength accepts up to 18 digits, and not even a sign.
func parseLength(v string) (int, bool) {
	for i := range len(v) {
		if v[i] < '0' || v[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.Atoi(v)
	return n, err == nil && len(v) <= 18
}

// clean reports whether a value has tabs, visible characters, spaces and obs-text only, and no white space around
// it (RFC 9113, 8.2.1).
func clean(v string) bool {
	for i := range len(v) {
		if c := v[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	if n := len(v); n > 0 {
		return !blank(v[0]) && !blank(v[n-1])
	}
	return true
}

func blank(c byte) bool { return c == ' ' || c == '\t' }
