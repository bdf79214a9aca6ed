package corpus

import (
	"fmt"
	"strconv"
)

// Field is one field of a header section.
type Field struct{ Name, Value string }

// Request is one HTTP/1.1 request.
type Request struct {
	// Kind says what it is: one of [Kinds], or [Attack].
	Kind string
	// Source is the regression test that an attack comes from, as in 942100-7.
	Source string

	Method, Target string
	Header         []Field // in order, with Host and Content-Length
	Body           []byte
}

// Attack is the kind of every request that [Attacks] returns.
const Attack = "attack"

// Host is what ordinary requests ask for.
const Host = "shop.example.com"

// Bytes returns the request as it goes over the wire.
func (r Request) Bytes() []byte {
	b := fmt.Appendf(nil, "%s %s HTTP/1.1\r\n", r.Method, r.Target)
	for _, f := range r.Header {
		b = append(append(append(append(b, f.Name...), ": "...), f.Value...), "\r\n"...)
	}
	return append(append(b, "\r\n"...), r.Body...)
}

// At returns the request with another Host, and everything else as it is.
func (r Request) At(host string) Request {
	fields := make([]Field, len(r.Header))
	for i, f := range r.Header {
		if f.Name == "Host" {
			f.Value = host
		}
		fields[i] = f
	}
	r.Header = fields
	return r
}

// with returns the request with a body.
func (r Request) with(mediaType, body string) Request {
	r.Header = append(r.Header, Field{"Content-Type", mediaType}, Field{"Content-Length", strconv.Itoa(len(body))})
	r.Body = []byte(body)
	return r
}
