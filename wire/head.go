package wire

import "bytes"

// maxLength is the digits of a Content-Length: what fits into 63 bits for certain.
const maxLength = 18

// lines cuts a section into lines as its bytes arrive. Offsets count from the section's
// first byte, so they survive a move of the bytes.
type lines struct {
	start   int // of the current line
	scanned int // there is no LF in the current line before it
	count   int // lines so far
}

// next returns the next whole line of b without its CRLF, or nil if it is still to come.
// A line that does not end within the first limit bytes is too long. What is in the line
// is for the caller to judge, control bytes included.
func (l *lines) next(b []byte, limit int, tooLong *Violation) ([]byte, *Violation) {
	i := bytes.IndexByte(b[l.scanned:min(len(b), limit)], '\n')
	if i < 0 {
		if len(b) >= limit {
			return nil, tooLong
		}
		l.scanned = len(b)
		return nil, nil
	}
	end := l.scanned + i
	line := b[l.start:end]
	if len(line) == 0 || line[len(line)-1] != '\r' {
		return nil, bareLF
	}
	line = line[:len(line)-1]
	l.start, l.scanned = end+1, end+1
	l.count++
	return line, nil
}

// head is what the head of a request has said so far.
type head struct {
	lines
	first    int  // bytes of the first line, its end included
	old      bool // HTTP/1.0
	absolute bool
	chunked  bool
	sized    bool // has a Content-Length
	seen     uint32
	length   int64
	// Where the authority and the Host field's value are, from the head's first byte.
	authority, host span
}

type span struct{ from, to int }

func (s span) of(b []byte) []byte { return b[s.from:s.to] }

// read judges b, the head from its first byte on, and returns its size once it is whole.
func (h *head) read(b []byte, limits *Options) (int, *Violation) {
	for {
		tooLong := headSize
		if h.count == 0 {
			tooLong = targetSize
		}
		line, v := h.next(b, limits.HeadBytes, tooLong)
		if v != nil || line == nil {
			return 0, v
		}
		at := h.start - len(line) - len("\r\n")
		switch {
		case h.count == 1:
			h.first = h.start
			v = h.readStart(line, at, limits.TargetBytes)
		case len(line) == 0:
			return h.start, h.end(b)
		case h.count > limits.Fields+1:
			return 0, fieldCount
		default:
			v = h.readField(line, at)
		}
		if v != nil {
			return 0, v
		}
	}
}

func (h *head) readStart(line []byte, at, targetBytes int) *Violation {
	s, v := readStartLine(line, targetBytes)
	if v != nil {
		return orControlByte(line, v)
	}
	h.old, h.absolute = s.old, s.absolute
	if s.absolute {
		h.authority = within(line, s.authority, at)
	}
	return nil
}

func (h *head) readField(line []byte, at int) *Violation {
	name, value, v := splitField(line)
	if v != nil {
		return v
	}
	return h.judge(name, value, within(line, value, at))
}

// judge judges a field whose bytes are those of a name and a value.
func (h *head) judge(name, value []byte, where span) *Violation {
	field := singleton.find(name)
	if field < 0 {
		return nil
	}
	if h.seen&(1<<field) != 0 {
		return repeatedField
	}
	h.seen |= 1 << field
	switch field {
	case fieldHost:
		if !validHost(value) {
			return hostSyntax
		}
		h.host = where
	case fieldContentLength:
		h.sized = true
		return h.readLength(value)
	case fieldTransferEncoding:
		if !fold(value, "chunked") {
			return transferEncoding
		}
		h.chunked = true
	case fieldExpect:
		if !fold(value, "100-continue") {
			return expectation
		}
	}
	return nil
}

func (h *head) readLength(value []byte) *Violation {
	if len(value) == 0 || len(value) > maxLength {
		return contentLength
	}
	for _, c := range value {
		if c < '0' || c > '9' {
			return contentLength
		}
		h.length = h.length*10 + int64(c-'0')
	}
	return nil
}

// end judges what only the whole head tells.
func (h *head) end(b []byte) *Violation {
	hasHost := h.seen&(1<<fieldHost) != 0
	switch {
	case !hasHost && !h.old:
		return hostMissing
	case h.absolute && !same(h.authority.of(b), h.host.of(b)):
		return authority
	case h.chunked && (h.sized || h.old):
		return framingConflict
	}
	return nil
}

// within returns where part, a sub-slice of line, is if line begins at that offset.
func within(line, part []byte, at int) span {
	// The capacities of a slice and its sub-slice differ by the distance of their beginnings.
	from := at + cap(line) - cap(part)
	return span{from, from + len(part)}
}
