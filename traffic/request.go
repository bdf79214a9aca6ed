package traffic

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
)

// Request is one request of a file.
type Request struct {
	File string
	Line int    // where it begins; 0: unknown
	N    int    // counts the requests of the file, from 1 on
	Name string // of the test, or the id that the request had; empty: it has none

	Raw    []byte     // as it goes over a connection of HTTP/1.1
	Client netip.Addr // who it is from; invalid: the file does not say it

	// Lost says what of the request the file does not have, such as a masked value. What becomes of such a request need
	// not be what became of the one that was sent.
	Lost []string

	// Untried says why there is nothing to try, so that Raw is nil; empty: there is.
	Untried string

	Recorded *Recorded // what the file says became of it; nil: nothing
}

// Where is the place of the request, for people.
func (r *Request) Where() string { return where(r.File, r.Line) }

func where(file string, line int) string {
	if line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// Problem is something in a file that is no request.
type Problem struct {
	File string
	Line int
	What string // that is wrong, and what was expected
	// Final is true if nothing behind it can be read.
	Final bool
}

func (p *Problem) Error() string { return where(p.File, p.Line) + ": " + p.What }

// Options say how files are read. The zero value is what most want.
type Options struct {
	Format Format // of all files; empty: each is known by what it begins with
	Host   string // that requests are given, whatever they say; empty: their own
	// MostBytes bounds one request with its body; 0: 32 MiB.
	MostBytes int
	// Progress is told how many bytes of the files have been read; nil: nobody wants to know.
	Progress func(n int)
}

// defaultMostBytes is how large a request of a file may be.
const defaultMostBytes = 32 << 20

// mostHead bounds a request without its body: no tier reads more, so that it is refused anyway.
const mostHead = 1 << 20

// field is one field line.
type field struct{ name, value string }

// parts are what a request is made of. Its framing follows from the body: a length that a file names is of the body that
// was sent, which need not be the one that is in the file.
type parts struct {
	method, target, host string
	old                  bool // HTTP/1.0
	unframed             bool // it had no length, even if that is wrong
	fields               []field
	body                 []byte
}

// bytes writes the request.
func (p *parts) bytes() ([]byte, error) {
	method, target, host, fields, body := p.method, p.target, p.host, p.fields, p.body
	if method == "" || strings.ContainsFunc(method, breaksLine) {
		return nil, fmt.Errorf("method %s is none", quoted(method))
	}
	if target == "" || strings.ContainsFunc(target, breaksLine) {
		return nil, fmt.Errorf("target %s cannot stand in the first line of a request", quoted(target))
	}
	var b bytes.Buffer
	b.Grow(len(method) + len(target) + len(body) + 64*len(fields) + 64)
	version := "HTTP/1.1"
	if p.old {
		version = "HTTP/1.0"
	}
	fmt.Fprintf(&b, "%s %s %s\r\n", method, target, version)
	hasHost := false
	for _, f := range fields {
		if framed(f.name) || strings.EqualFold(f.name, "Trailer") || strings.EqualFold(f.name, "Expect") {
			continue // they belong to the body as it was sent
		}
		hasHost = hasHost || strings.EqualFold(f.name, "Host")
		if f.name == "" || strings.ContainsFunc(f.name, breaksLine) || strings.ContainsAny(f.value, "\r\n\x00") {
			return nil, fmt.Errorf("header %s cannot stand in one line", quoted(f.name))
		}
		b.WriteString(f.name + ": " + f.value + "\r\n")
	}
	if !hasHost && host != "" {
		if strings.ContainsFunc(host, breaksLine) {
			return nil, fmt.Errorf("host %s cannot stand in one line", quoted(host))
		}
		b.WriteString("Host: " + host + "\r\n")
	}
	if len(body) > 0 || !p.unframed && (method == "POST" || method == "PUT" || method == "PATCH") {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes(), nil
}

// framed reports whether a field says where a body ends.
func framed(name string) bool {
	return strings.EqualFold(name, "Content-Length") || strings.EqualFold(name, "Transfer-Encoding")
}

// breaksLine reports whether a letter would end a word of a request's first lines.
func breaksLine(r rune) bool { return r <= ' ' || r == 0x7f }

// withHost replaces the Host fields in the head of a raw request.
func withHost(raw []byte, host string) []byte {
	head, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	var b bytes.Buffer
	for i, line := range bytes.Split(head, []byte("\r\n")) {
		name, _, _ := bytes.Cut(line, []byte(":"))
		if i > 0 && bytes.EqualFold(bytes.TrimSpace(name), []byte("Host")) {
			continue
		}
		b.Write(line)
		b.WriteString("\r\n")
		if i == 0 {
			b.WriteString("Host: " + host + "\r\n")
		}
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

// quoted shows a text of a file in a message, whatever is in it.
func quoted(s string) string {
	const most = 60
	if len(s) > most {
		return fmt.Sprintf("%q…", s[:most])
	}
	return fmt.Sprintf("%q", s)
}
