package traffic

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
)

// httpReader reads requests as they go over a connection, one behind the other. Between them may be empty lines, and
// lines that begin with "#".
type httpReader struct {
	*reading
	in    *bufio.Reader
	line  int
	begin int // line of the request at hand
	text  bool
	raw   []byte
	size  int // of the request at hand, even if it is too large for raw
}

var requestLine = regexp.MustCompile(`^\S+ [^\r\n]*HTTP/`)

// http reads raw requests.
func (f *reading) http(in *bufio.Reader) error {
	h := &httpReader{reading: f, in: in}
	for lost := false; ; {
		line, err := h.read(mostHead)
		if len(line) == 0 && err != nil {
			return ended(err)
		}
		bare := bytes.TrimRight(line, "\r\n")
		switch {
		case len(bare) == 0 || bare[0] == '#':
		case requestLine.Match(bare) || f.Format == HTTP && f.n == 0 && !lost:
			lost = false
			if err := h.request(line); err != nil {
				return err
			}
		case !lost:
			lost = true
			if err := f.problem(h.line, "%s is no request line such as GET / HTTP/1.1; what belongs to a body needs a Content-Length", quoted(string(bare))); err != nil {
				return err
			}
		}
		if err != nil {
			return ended(err)
		}
	}
}

func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// read reads a line with its end; of one that is too long, the beginning.
func (h *httpReader) read(most int) (line []byte, err error) {
	h.line++
	for {
		piece, err := h.in.ReadSlice('\n')
		line = append(line, piece[:min(len(piece), max(most-len(line), 0))]...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// add keeps bytes of the request at hand.
func (h *httpReader) add(b []byte) {
	h.size += len(b)
	if room := h.MostBytes + 1 - len(h.raw); room > 0 {
		h.raw = append(h.raw, b[:min(len(b), room)]...)
	}
}

// request reads what follows a request line. The line ends of a file that is text become those of HTTP.
func (h *httpReader) request(first []byte) error {
	h.begin, h.raw, h.size, h.text = h.line, nil, 0, !bytes.HasSuffix(first, []byte("\r\n"))
	var frame framing
	for line, err := first, error(nil); ; line, err = h.read(mostHead) {
		end := len(bytes.TrimRight(line, "\r\n")) == 0
		if h.text {
			line = append(bytes.TrimRight(line, "\r\n"), "\r\n"...)
		}
		frame.see(line)
		if h.add(line); end {
			break
		}
		if err != nil {
			if h.text {
				h.add([]byte("\r\n"))
			}
			break
		}
		if h.size > mostHead {
			h.size = h.MostBytes + 1 // its end is looked for, but it is not kept
		}
	}
	lost, err := h.body(&frame)
	if err != nil {
		return err
	}
	if h.size > h.MostBytes {
		return h.problem(h.begin, "a request of more than %d bytes, or with a head of more than %d", h.MostBytes, mostHead)
	}
	return h.give(&Request{Line: h.begin, Raw: h.raw, Lost: lost})
}

// framing is what a head says of how its body ends.
type framing struct {
	length  int // -1: unknown
	lengths int
	chunked bool
	coded   int
}

// see looks at a field line.
func (f *framing) see(line []byte) {
	name, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte(":"))
	value = bytes.TrimSpace(value)
	switch {
	case bytes.EqualFold(name, []byte("Content-Length")):
		n, err := strconv.ParseUint(string(value), 10, 31)
		if f.length, f.lengths = int(n), f.lengths+1; err != nil {
			f.length = -1
		}
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		f.coded++
		f.chunked = bytes.EqualFold(value, []byte("chunked"))
	}
}

// body reads the body. Where it ends is unknown if the head can be read in two ways: all that follows is its then.
func (h *httpReader) body(f *framing) (lost []string, err error) {
	switch {
	case f.lengths == 0 && f.coded == 0:
		return nil, nil
	case f.lengths == 0 && f.coded == 1 && f.chunked:
		return nil, h.chunks()
	case f.lengths != 1 || f.coded > 0 || f.length < 0:
		return nil, h.copy(-1)
	}
	before := h.size
	if err := h.copy(f.length); err != nil {
		return nil, err
	}
	if got := h.size - before; got < f.length {
		lost = []string{"the file ends after " + strconv.Itoa(got) + " of " + strconv.Itoa(f.length) + " bytes of the body"}
	}
	return lost, nil
}

// copy reads n bytes of the body, or all that follows.
func (h *httpReader) copy(n int) error {
	var buffer [16 << 10]byte
	for n != 0 {
		part := buffer[:]
		if n > 0 {
			part = part[:min(n, len(part))]
		}
		got, err := h.in.Read(part)
		h.add(part[:got])
		h.line += bytes.Count(part[:got], []byte("\n"))
		if n > 0 {
			n -= got
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// chunks reads a body in chunks, as it is. Behind what is none, nobody knows where the request ends.
func (h *httpReader) chunks() error {
	for {
		line, err := h.read(mostName)
		h.add(line)
		size, _, _ := bytes.Cut(bytes.TrimSpace(line), []byte(";"))
		n, invalid := strconv.ParseUint(string(size), 16, 31)
		switch {
		case err != nil:
			return ended(err)
		case invalid != nil:
			return h.copy(-1)
		case n > 0:
			if err := h.copy(int(n)); err != nil {
				return err
			}
			if end, _ := h.in.Peek(2); !bytes.Equal(end, []byte("\r\n")) {
				return h.copy(-1)
			}
			if err := h.copy(2); err != nil {
				return err
			}
			continue
		}
		for { // trailers
			line, err := h.read(mostHead)
			if h.add(line); err != nil || len(bytes.TrimSpace(line)) == 0 {
				return ended(err)
			}
		}
	}
}
