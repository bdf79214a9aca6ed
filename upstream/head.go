package upstream

import (
	"bufio"
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/message"
)

// maxHeadBytes is the size limit of a response head, its last CRLF included.
const maxHeadBytes = 64 << 10

// headFacts is what an exchange needs to know of a response head beyond what is handed on.
type headFacts struct {
	http11     bool
	persistent bool // RFC 9112, 9.3
	length     int  // of Content-Length; noLength, chunked

	rests time.Duration // after which the endpoint closes the connection if nobody uses it, as it says; 0: it does not
}

// Lengths of a response's body that are not a number of bytes.
const (
	chunked  = -1
	noLength = -2
)

var endOfHead = []byte("\r\n\r\n")

// head waits for a whole response head, and reads it into to.
func (r *reader) head(to *message.Response) (headFacts, error) {
	for seen := 0; ; {
		b, _ := r.br.Peek(r.br.Buffered())
		if i := bytes.Index(b[seen:], endOfHead); i >= 0 {
			f, err := readHead(string(b[:seen+i+2]), to) // the one copy
			if err == nil {
				_, err = r.br.Discard(seen + i + len(endOfHead))
			}
			return f, err
		}
		if !startsLikeHead(b) { // do not wait for the end of something else
			return headFacts{}, malformed("not a response")
		}
		if bareLF(b, seen) { // nor for that of lines that end otherwise
			return headFacts{}, malformed("line end in head")
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

// bareLF reports whether a line that ends at from or behind it lacks its CR.
func bareLF(b []byte, from int) bool {
	for {
		i := bytes.IndexByte(b[from:], '\n')
		if i < 0 {
			return false
		}
		if from += i; from == 0 || b[from-1] != '\r' {
			return true
		}
		from++
	}
}

func startsLikeHead(b []byte) bool {
	const start = "HTTP/1."
	n := min(len(b), len(start))
	return string(b[:n]) == start[:n]
}

// readHead reads a response head, whose lines all end in CRLF. What two parsers could read in two
// ways is refused.
func readHead(head string, to *message.Response) (headFacts, error) {
	line, head, err := headLine(head)
	if err != nil {
		return headFacts{}, err
	}
	f, err := readStatusLine(line, to)
	if err != nil {
		return f, err
	}
	to.Fields, f.length = to.Fields[:0], noLength
	var lengths, codings, types, encodings int
	var closing, keeping bool
	for head != "" {
		if line, head, err = headLine(head); err != nil {
			return f, err
		}
		name, value, err := checkField(line)
		if err != nil {
			return f, err
		}
		to.Fields = append(to.Fields, message.Field{Name: name, Value: value})
		switch len(name) { // cheaper than comparing names
		case len("connection"): // and of Keep-Alive
			if foldEqual(name, "connection") {
				closing = closing || hasToken(value, "close")
				keeping = keeping || hasToken(value, "keep-alive")
			} else if foldEqual(name, "keep-alive") {
				f.rests = restsFor(value)
			}
		case len("content-type"):
			if foldEqual(name, "content-type") {
				types++
			}
		case len("content-length"):
			if foldEqual(name, "content-length") {
				lengths++
				if f.length, err = parseLength(value); err != nil {
					return f, err
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
				f.length = chunked
			}
		}
	}
	f.persistent = !closing && (f.http11 || keeping)
	return f, conflict(lengths+codings, types, encodings)
}

// conflict says what is wrong with how often fields have come.
func conflict(framings, types, encodings int) error {
	switch {
	case framings > 1:
		return malformed("conflicting framing")
	case types > 1 || encodings > 1: // of which one reader takes the first and another the last
		return malformed("repeated singleton field")
	}
	return nil
}

// restsFor reads the timeout of a Keep-Alive field (RFC 2068, 19.7.1.1): "timeout=5, max=100". It is a hint, so what is not
// understood says nothing.
func restsFor(value string) time.Duration {
	for value != "" {
		var one string
		one, value, _ = strings.Cut(value, ",")
		name, seconds, _ := strings.Cut(strings.TrimSpace(one), "=")
		if !foldEqual(name, "timeout") {
			continue
		}
		if n, err := strconv.ParseUint(seconds, 10, 16); err == nil {
			return time.Duration(n) * time.Second
		}
	}
	return 0
}

// headLine cuts off the first line and its CRLF.
func headLine(s string) (line, rest string, err error) {
	i := strings.IndexByte(s, '\n')
	if i < 1 || s[i-1] != '\r' {
		return "", "", malformed("line end in head")
	}
	return s[:i-1], s[i+1:], nil
}

// readStatusLine wants HTTP/1.0 or HTTP/1.1, a status of three digits from 100 on, and a clean
// reason. The space after the status may be missing, as it often is.
func readStatusLine(l string, to *message.Response) (headFacts, error) {
	const proto = "HTTP/1.x "
	if len(l) < len(proto)+3 || l[:7] != "HTTP/1." || l[7] != '0' && l[7] != '1' || l[8] != ' ' {
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
	to.Status = int(status[0]-'0')*100 + int(status[1]-'0')*10 + int(status[2]-'0')
	to.Reason = strings.TrimPrefix(status[3:], " ")
	return f, nil
}

// checkField splits a field line. A folded line has no name and is refused with it.
func checkField(l string) (name, value string, err error) {
	i := 0
	for i < len(l) && message.IsTokenByte(l[i]) {
		i++
	}
	if i == 0 || i == len(l) || l[i] != ':' {
		return "", "", malformed("field name")
	}
	if !cleanText(l[i+1:]) {
		return "", "", malformed("control character in field value")
	}
	return l[:i], strings.Trim(l[i+1:], " \t"), nil
}

// parseLength accepts up to 18 digits: less than 2^63.
func parseLength(v string) (int, error) {
	for i := range len(v) {
		if !isDigit(v[i]) { // not even a sign
			return 0, malformed("Content-Length")
		}
	}
	n, err := strconv.Atoi(v)
	if err != nil || len(v) > 18 {
		return 0, malformed("Content-Length")
	}
	return n, nil
}

// hasToken reports whether the comma-separated list v holds the lower-case token t.
func hasToken(v, t string) bool {
	for v != "" {
		var item string
		item, v, _ = strings.Cut(v, ",")
		if foldEqual(strings.Trim(item, " \t"), t) {
			return true
		}
	}
	return false
}

// foldEqual compares s to a lower-case string of letters, digits and hyphens.
func foldEqual(s, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// cleanText reports whether s has tabs, visible characters, spaces and obs-text only
// (RFC 9110, 5.5).
func cleanText[T string | []byte](s T) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
