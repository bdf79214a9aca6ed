package agreement

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/waf/reading"
)

// request is a request in the parts that a generator makes and the minimizer takes away.
type request struct {
	kind        string // of generator
	method      string
	query       string
	cookies     []string // fields
	contentType string
	body        string
	chunked     bool
	gzip        bool
}

// fields are what goes into the head besides framing. The first ones are those of polite
// clients, whose absence rules dislike.
func (r *request) fields(host string) []reading.Header {
	out := []reading.Header{{Name: "Host", Value: host}, {Name: "User-Agent", Value: "agreement"}, {Name: "Accept", Value: "*/*"}}
	for _, c := range r.cookies {
		out = append(out, reading.Header{Name: "Cookie", Value: c})
	}
	if t := strings.Trim(r.contentType, " \t"); t != "" { // blanks around are no part of a field
		out = append(out, reading.Header{Name: "Content-Type", Value: t})
	}
	if r.gzip {
		out = append(out, reading.Header{Name: "Content-Encoding", Value: "gzip"})
	}
	return out
}

func (r *request) target() string {
	if r.query == "" {
		return "/"
	}
	return "/?" + r.query
}

// raw is the request as it goes through the socket. bare asks the tier for no rules but
// those about bodies that cannot be read.
func (r *request) raw(host string, bare bool) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", r.method, r.target())
	for _, f := range r.fields(host) {
		fmt.Fprintf(&b, "%s: %s\r\n", f.Name, f.Value)
	}
	if bare {
		b.WriteString(bareField + ": 1\r\n")
	}
	body := []byte(r.body)
	if r.gzip {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		_, _ = w.Write(body) // memory takes it
		_ = w.Close()
		body = z.Bytes()
	}
	switch {
	case r.chunked:
		b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
		for chunk := range slices.Chunk(body, 1+len(body)/3) {
			fmt.Fprintf(&b, "%x\r\n%s\r\n", len(chunk), chunk)
		}
		b.WriteString("0\r\n\r\n")
	case r.method == "GET" && len(body) == 0:
		b.WriteString("\r\n")
	default:
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	}
	return b.Bytes()
}

// String is the request for people: without what all requests have.
func (r *request) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", r.method, r.target())
	for _, f := range r.fields("")[3:] {
		fmt.Fprintf(&b, "\n  %s: %q", f.Name, f.Value)
	}
	if r.chunked {
		b.WriteString("\n  (chunked)")
	}
	if r.body != "" {
		fmt.Fprintf(&b, "\n  %q", r.body)
	}
	return b.String()
}
