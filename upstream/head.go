package upstream

import (
	"bufio"
	"bytes"
	"errors"

	"github.com/wafer-waf/wafer/message"
)

// maxHeadBytes is the size limit of a response head, its last CRLF included.
const maxHeadBytes = 64 << 10

// headFacts is what an exchange needs to know of a response head beyond what fasthttp
// tells.
type headFacts struct {
	http11     bool
	persistent bool // RFC 9112, 9.3
}

var endOfHead = []byte("\r\n\r\n")

// head waits until a whole response head is buffered, and checks it. It consumes nothing.
func (r *reader) head() (headFacts, error) {
	for seen := 0; ; {
		b, _ := r.br.Peek(r.br.Buffered())
		if i := bytes.Index(b[seen:], endOfHead); i >= 0 {
			return checkHead(b[:seen+i+2])
		}
		if !startsLikeHead(b) { // do not wait for the end of something else
			return headFacts{}, malformed("not a response")
		}
		seen = max(len(b)-len(endOfHead)+1, 0)
		switch _, err := r.br.Peek(len(b) + 1); {
		case errors.Is(err, bufio.ErrBufferFull):
			if !r.grow() {
				return headFacts{}, malformed("head too large")
			}
			seen = 0
		case err != nil:
			return headFacts{}, err
		}
	}
}

func startsLikeHead(b []byte) bool {
	const start = "HTTP/1."
	n := min(len(b), len(start))
	return string(b[:n]) == start[:n]
}

// checkHead checks a response head, whose lines all end in CRLF. It is stricter than
// fasthttp: what two parsers could read in two ways is refused.
func checkHead(b []byte) (headFacts, error) {
	line, b, err := headLine(b)
	if err != nil {
		return headFacts{}, err
	}
	f, err := checkStatusLine(line)
	if err != nil {
		return f, err
	}
	var lengths, codings, types, encodings int
	var closing, keeping bool
	for len(b) > 0 {
		if line, b, err = headLine(b); err != nil {
			return f, err
		}
		name, value, err := checkField(line)
		if err != nil {
			return f, err
		}
		switch len(name) { // cheaper than comparing names
		case len("connection"):
			if foldEqual(name, "connection") {
				closing = closing || hasToken(value, "close")
				keeping = keeping || hasToken(value, "keep-alive")
			}
		case len("content-type"):
			if foldEqual(name, "content-type") {
				types++
			}
		case len("content-length"):
			if foldEqual(name, "content-length") {
				lengths++
				if !validLength(value) {
					return f, malformed("Content-Length")
				}
			}
		case len("content-encoding"):
			if foldEqual(name, "content-encoding") {
				encodings++
			}
		case len("transfer-encoding"):
			if foldEqual(name, "transfer-encoding") {
				codings++
				if !f.http11 || !foldEqual(value, "chunked") {
					return f, malformed("Transfer-Encoding")
				}
			}
		}
	}
	switch {
	case lengths+codings > 1:
		return f, malformed("conflicting framing")
	case types > 1 || encodings > 1: // of which fasthttp would keep the last
		return f, malformed("repeated singleton field")
	}
	f.persistent = !closing && (f.http11 || keeping)
	return f, nil
}

// headLine cuts off the first line and its CRLF.
func headLine(b []byte) (line, rest []byte, err error) {
	i := bytes.IndexByte(b, '\n')
	if i < 1 || b[i-1] != '\r' {
		return nil, nil, malformed("line end in head")
	}
	return b[:i-1], b[i+1:], nil
}

// checkStatusLine checks for HTTP/1.0 or HTTP/1.1, a status of three digits from 100 on,
// and a clean reason. The space after the status may be missing, as it often is.
func checkStatusLine(l []byte) (headFacts, error) {
	const proto = "HTTP/1.x "
	if len(l) < len(proto)+3 || string(l[:7]) != "HTTP/1." || l[7] != '0' && l[7] != '1' || l[8] != ' ' {
		return headFacts{}, malformed("version")
	}
	f := headFacts{http11: l[7] == '1'}
	status := l[len(proto):]
	if status[0] < '1' || status[0] > '9' || !isDigit(status[1]) || !isDigit(status[2]) ||
		len(status) > 3 && status[3] != ' ' {
		return f, malformed("status")
	}
	if !cleanText(status[3:]) {
		return f, malformed("control character in status line")
	}
	return f, nil
}

// checkField splits a field line. A folded line has no name and is refused with it.
func checkField(l []byte) (name, value []byte, err error) {
	i := 0
	for i < len(l) && message.IsTokenByte(l[i]) {
		i++
	}
	if i == 0 || i == len(l) || l[i] != ':' {
		return nil, nil, malformed("field name")
	}
	if !cleanText(l[i+1:]) {
		return nil, nil, malformed("control character in field value")
	}
	return l[:i], trimSpace(l[i+1:]), nil
}

// validLength accepts up to 18 digits: less than 2^63.
func validLength(v []byte) bool {
	if len(v) == 0 || len(v) > 18 {
		return false
	}
	for _, c := range v {
		if !isDigit(c) {
			return false
		}
	}
	return true
}

// hasToken reports whether the comma-separated list v holds the lower-case token t.
func hasToken(v []byte, t string) bool {
	for len(v) > 0 {
		var item []byte
		item, v, _ = bytes.Cut(v, []byte{','})
		if foldEqual(trimSpace(item), t) {
			return true
		}
	}
	return false
}

// foldEqual compares b to a lower-case string of letters, digits and hyphens.
func foldEqual(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i := range b {
		c := b[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func trimSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// cleanText reports whether b has tabs, visible characters, spaces and obs-text only
// (RFC 9110, 5.5).
func cleanText(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
