package upstream

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

const (
	// maxChunkLineBytes bounds a chunk's size line with its extensions, which are dropped.
	maxChunkLineBytes = 1 << 10
	// maxTrailerBytes bounds the trailer section, which is checked and dropped.
	maxTrailerBytes = 16 << 10
)

// readChunked reads of a chunked body (RFC 9112, 7.1). It returns io.EOF only after the
// last line of the message.
func (b *body) readChunked(p []byte) (int, error) {
	if b.left == 0 {
		if err := b.nextChunk(); err != nil {
			return 0, err
		}
		if b.left == 0 {
			return 0, b.dropTrailers()
		}
	}
	n, err := b.readLeft(p)
	return n, err
}

// nextChunk ends the current chunk and reads the size of the next one into left.
func (b *body) nextChunk() error {
	if b.inChunk {
		l, err := b.line(0)
		if err != nil {
			return err
		}
		if len(l) != 0 {
			return malformed("chunk longer than its size")
		}
		b.inChunk = false
	}
	l, err := b.line(maxChunkLineBytes)
	if err != nil {
		return err
	}
	size, ext, _ := bytes.Cut(l, []byte{';'})
	if !cleanText(ext) {
		return malformed("control character in chunk extension")
	}
	n, ok := parseHex(size)
	if !ok {
		return malformed("chunk size")
	}
	b.left, b.inChunk = n, n > 0
	return nil
}

// dropTrailers reads up to the end of the message. It returns io.EOF if all is well.
func (b *body) dropTrailers() error {
	for total := 0; ; {
		l, err := b.line(maxTrailerBytes - total)
		if err != nil {
			return err
		}
		if len(l) == 0 {
			return io.EOF
		}
		if _, _, err := checkField(string(l)); err != nil {
			return err
		}
		total += len(l)
	}
}

// line reads a line that ends in CRLF and returns it without. It is valid until the next
// read.
func (b *body) line(limit int) ([]byte, error) {
	l, err := b.reader.br.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) || err == nil && len(l)-2 > limit {
		return nil, malformed("line too long in chunked body")
	}
	if err != nil {
		return nil, noEOF(err)
	}
	if len(l) < 2 || l[len(l)-2] != '\r' {
		return nil, malformed("line end in chunked body")
	}
	return l[:len(l)-2], nil
}

// parseHex parses 1 to 15 hexadecimal digits and nothing else.
func parseHex(s []byte) (n int64, ok bool) {
	if len(s) == 0 || len(s) > 15 {
		return 0, false
	}
	for _, c := range s {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		n = n<<4 | int64(c)
	}
	return n, true
}
