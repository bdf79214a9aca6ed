package grpc

import (
	"encoding/base64"
	"errors"
	"io"
)

// ErrText says that a body of gRPC-Web's text form is no Base64.
var ErrText = errors.New("gRPC-Web text is no Base64")

// AppendText appends bytes as Base64 with its padding. Such texts may follow one another: each begins anew.
func AppendText(dst, data []byte) []byte { return base64.StdEncoding.AppendEncode(dst, data) }

// TextReader decodes a body of gRPC-Web's text form: one or several texts of Base64, each padded or, at the
// end, not.
type TextReader struct {
	from io.Reader
	buf  [1 << 10]byte
	out  []byte // of buf, what was decoded in place and is not read yet
	err  error  // that follows

	bits uint32
	n    int // letters of a group of four
	pads int // that have to follow
}

// NewTextReader returns a reader of what from decodes to.
func NewTextReader(from io.Reader) *TextReader { return &TextReader{from: from} }

// Read implements io.Reader. What is no Base64 is [ErrText], behind what was decoded before.
func (t *TextReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(t.out) == 0 {
		if t.err != nil {
			return 0, t.err
		}
		n, err := t.from.Read(t.buf[:])
		t.err = err
		t.decode(t.buf[:n])
		if t.err == io.EOF && !t.ends() {
			t.err = ErrText
		}
	}
	n := copy(p, t.out)
	t.out = t.out[n:]
	return n, nil
}

// Drained reports whether all that was read so far has been returned, and may be the end.
func (t *TextReader) Drained() bool {
	return len(t.out) == 0 && (t.err == nil || t.err == io.EOF) && t.ends()
}

// decode decodes letters in place: there are always fewer bytes than letters.
func (t *TextReader) decode(letters []byte) {
	t.out = letters[:0]
	for _, c := range letters {
		switch d := sextet(c); {
		case c == '=' && t.pad():
		case d == noLetter || t.pads > 0:
			t.err = ErrText
			return
		default:
			t.bits = t.bits<<6 | uint32(d)
			if t.n++; t.n > 1 {
				t.out = append(t.out, byte(t.bits>>(8-2*t.n)))
			}
			t.n %= 4
		}
	}
}

// pad takes a padding letter, and reports whether one may stand here.
func (t *TextReader) pad() bool {
	switch {
	case t.pads > 0:
		t.pads--
	case t.n >= 2:
		t.pads, t.n = 3-t.n, 0
	default:
		return false
	}
	return true
}

// ends reports whether the text may end here. Padding may be missing there, as some decoders have it.
func (t *TextReader) ends() bool { return t.n != 1 && t.pads == 0 }

const noLetter = 64

// sextet is what a letter stands for.
func sextet(c byte) byte {
	switch {
	case 'A' <= c && c <= 'Z':
		return c - 'A'
	case 'a' <= c && c <= 'z':
		return c - 'a' + 26
	case '0' <= c && c <= '9':
		return c - '0' + 52
	case c == '+':
		return 62
	case c == '/':
		return 63
	}
	return noLetter
}
