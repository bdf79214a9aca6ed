package wire

const (
	maxExtensions = 1 << 10 // bytes of chunk extensions in one body
	maxTrailer    = 4 << 10 // bytes of the last chunk's line and the trailer section
	maxChunkSize  = 15      // hex digits
)

// lastChunk is what the server sees of the end of a chunked body. Extensions and trailer
// fields are dropped: no rule has seen them, so no application may.
const lastChunk = "0\r\n\r\n"

// part is where in a message its next byte belongs.
type part uint8

const (
	inHead part = iota
	inFixed
	inChunkLine
	inChunkData
	inChunkEnd
	inTrailer
)

// framer judges the bytes of one request after another. It does no I/O and keeps of the bytes no more than
// the line that a request with a body begins with.
type framer struct {
	limits     *Options
	part       part
	blank      bool      // the one empty line that may precede a request line was there
	head       head      // inHead
	refused    startText // of a head that was refused
	line       []byte    // the first line of the request whose body is being read, for a refusal to tell
	left       int64     // inFixed, inChunkData: bytes to come
	extensions int       // bytes so far
	trailer    lines     // inTrailer, from the last chunk's line on
}

// judge looks at b, which begins with the first byte that no call has used yet. The first
// keep bytes may be delivered, the first used are done with; the others have to come
// again, with more behind them. A violation applies to what follows the kept bytes. judge
// stops at the end of the message; part is inHead then. Of a trailer section it writes
// what may be delivered over b.
func (m *framer) judge(b []byte) (keep, used int, v *Violation) {
	n := 0
	for n < len(b) {
		rest := b[n:]
		switch m.part {
		case inHead:
			size, v := m.readHead(rest)
			if v != nil || size == 0 {
				return n, n, v
			}
			if m.part == inHead && m.blank {
				return 0, size, nil // the empty line
			}
			n += size
			if m.part == inHead {
				m.end()
				return n, n, nil
			}
		case inFixed, inChunkData:
			size := min(int64(len(rest)), m.left)
			n += int(size)
			if m.left -= size; m.left > 0 {
				return n, n, nil
			}
			if m.part == inFixed {
				m.end()
				return n, n, nil
			}
			m.part = inChunkEnd
		case inChunkEnd:
			if rest[0] != '\r' || len(rest) > 1 && rest[1] != '\n' {
				return n, n, chunkEnd
			}
			if len(rest) < 2 {
				return n, n, nil
			}
			n += len("\r\n")
			m.part = inChunkLine
		case inChunkLine:
			size, v := m.readChunkLine(rest)
			if v != nil || size == 0 {
				return n, n, v
			}
			if m.part == inChunkData {
				n += size
			}
		case inTrailer:
			size, v := m.readTrailer(rest)
			if v != nil || size == 0 {
				return n, n, v
			}
			m.end()
			return n + copy(rest, lastChunk), n + size, nil
		}
	}
	return n, n, nil
}

func (m *framer) end() { *m = framer{limits: m.limits, line: m.line[:0]} }

// readHead returns the size of the head once it is whole, and moves on to the part that
// follows it; or the size of the empty line before it.
func (m *framer) readHead(b []byte) (int, *Violation) {
	if m.head.scanned == 0 {
		switch {
		case b[0] == '\r' && m.blank:
			return 0, emptyLine
		case b[0] == '\r' && len(b) == 1:
			return 0, nil
		case b[0] == '\r' && b[1] == '\n':
			m.blank = true
			return len("\r\n"), nil
		case b[0] == '\n':
			return 0, bareLF
		case class[b[0]]&tokenByte == 0:
			m.refused = readStartText(b)
			return 0, methodToken // at once: most likely not HTTP at all
		}
	}
	size, v := m.head.read(b, m.limits)
	if v != nil {
		m.refused = readStartText(b)
	}
	if v != nil || size == 0 {
		return 0, v
	}
	m.blank = false
	switch {
	case m.head.chunked:
		m.part = inChunkLine
	case m.head.length > 0:
		m.part, m.left = inFixed, m.head.length
	}
	if m.part != inHead {
		m.line = append(m.line[:0], b[:min(m.head.first, maxStartText)]...)
	}
	return size, nil
}

// begun returns what can be told of the request that is being read, or was refused.
func (m *framer) begun() startText {
	if len(m.line) > 0 {
		return readStartText(m.line)
	}
	return m.refused
}

// readChunkLine judges the line before a chunk's data (RFC 9112 7.1) and returns its
// size. White space around the extensions is refused: nobody sends it, and not everybody
// reads it in the same way.
func (m *framer) readChunkLine(b []byte) (int, *Violation) {
	size, digits := int64(0), 0
	for digits < len(b) && class[b[digits]]&hexByte != 0 {
		if digits == maxChunkSize {
			return 0, chunkSize
		}
		size = size<<4 | int64(hexValue(b[digits]))
		digits++
	}
	if digits == len(b) {
		return 0, nil
	}
	i := digits
	if digits > 0 && b[digits] == ';' {
		for i < len(b) && b[i] > 0x20 && b[i] < 0x7f {
			if i-digits == maxExtensions-m.extensions {
				return 0, chunkExtension
			}
			i++
		}
	}
	switch {
	case i == len(b):
		return 0, nil
	case b[i] == '\n':
		return 0, bareLF
	case digits == 0 || b[i] != '\r' && i == digits:
		return 0, chunkSize
	case b[i] != '\r':
		return 0, chunkExtension
	case i+1 == len(b):
		return 0, nil
	case b[i+1] != '\n':
		return 0, controlByte
	}
	m.extensions += i - digits
	i += len("\r\n")
	if size == 0 {
		// Withheld with the trailer section: fasthttp takes any error after this line
		// for the end of the body.
		m.part, m.trailer = inTrailer, lines{start: i, scanned: i}
	} else {
		m.part, m.left = inChunkData, size
	}
	return i, nil
}

func hexValue(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// readTrailer judges b, which begins with the last chunk's line, and returns the size of
// the rest of the message once it is whole.
func (m *framer) readTrailer(b []byte) (int, *Violation) {
	for {
		line, v := m.trailer.next(b, maxTrailer, trailerSize)
		if v != nil || line == nil {
			return 0, v
		}
		if len(line) == 0 {
			return m.trailer.start, nil
		}
		name, _, v := splitField(line)
		if v != nil {
			return 0, v
		}
		if !mayTrail(name) {
			return 0, trailerForbidden
		}
	}
}
