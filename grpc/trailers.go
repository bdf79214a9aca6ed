package grpc

import (
	"strings"

	"github.com/wafer-waf/wafer/message"
)

// AppendTrailers appends the end of a body of gRPC-Web: fields, in a frame.
func AppendTrailers(dst []byte, fields message.Fields) []byte {
	n := 0
	for i := range fields {
		n += len(fields[i].Name) + len(": ") + len(fields[i].Value) + len("\r\n")
	}
	dst = Prefix{Trailers, uint32(n)}.Append(dst)
	for i := range fields {
		dst = append(append(append(append(dst, fields[i].Name...), ": "...), fields[i].Value...), "\r\n"...)
	}
	return dst
}

// ParseTrailers reads the fields in such a frame. It reports false if they are none, in which case clients may
// differ in what they make of them.
func ParseTrailers(frame []byte) (fields message.Fields, ok bool) {
	text := string(frame)
	for text != "" {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		if line = strings.TrimSuffix(line, "\r"); line == "" && text == "" {
			break // a head's end
		}
		name, value, colon := strings.Cut(line, ":")
		if !colon || !message.IsToken(name) || strings.ContainsAny(value, "\r\x00") {
			return nil, false
		}
		fields = append(fields, message.Field{Name: name, Value: strings.Trim(value, " \t")})
	}
	return fields, true
}
