package traffic

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads JSON as a stream, of which it holds nothing: whoever calls it takes the values it wants, up to a limit
// of bytes, and has the others passed over. It knows the line it is in.
type scanner struct {
	r     *bufio.Reader
	line  int
	depth int
}

// mostDepth bounds how deep values may be nested: HAR has 8 levels.
const mostDepth = 200

func newScanner(r *bufio.Reader) *scanner { return &scanner{r: r, line: 1} }

// errCut says that a file ends within a value.
var errCut = errors.New("the file ends in the middle: it was cut, or is still being written")

// syntaxError is a place in which a file is no JSON.
type syntaxError struct {
	line int
	what string
}

func (e *syntaxError) Error() string { return e.what }

func (s *scanner) wrong(format string, args ...any) error {
	return &syntaxError{s.line, "no JSON: " + fmt.Sprintf(format, args...)}
}

func (s *scanner) byte() (byte, error) {
	c, err := s.r.ReadByte()
	if err == io.EOF {
		return 0, errCut
	}
	if c == '\n' {
		s.line++
	}
	return c, err
}

// next returns the first letter of what follows, which stays unread.
func (s *scanner) next() (byte, error) {
	for {
		c, err := s.byte()
		if err != nil {
			return 0, err
		}
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c, s.r.UnreadByte()
		}
	}
}

// take reads one letter that has to be there.
func (s *scanner) take(want byte) error {
	c, err := s.next()
	if err != nil {
		return err
	}
	if c != want {
		return s.wrong("%q where %q was expected", rune(c), rune(want))
	}
	_, err = s.byte()
	return err
}

// members reads an object or an array, whose members each reads.
func (s *scanner) members(first, last byte, each func() error) error {
	if err := s.take(first); err != nil {
		return err
	}
	if s.depth++; s.depth > mostDepth {
		return s.wrong("nested deeper than %d", mostDepth)
	}
	defer func() { s.depth-- }()
	c, err := s.next()
	for more := c != last; err == nil && more; {
		if err = each(); err != nil {
			break
		}
		if c, err = s.next(); err != nil {
			break
		}
		if more = c != last; more {
			err = s.take(',')
		}
	}
	if err != nil {
		return err
	}
	return s.take(last)
}

// mostName bounds what is kept of a name of an object's member.
const mostName = 256

// object reads an object. member has to read the value.
func (s *scanner) object(member func(name string) error) error {
	return s.members('{', '}', func() error {
		name, _, err := s.text(mostName)
		if err != nil {
			return err
		}
		if err := s.take(':'); err != nil {
			return err
		}
		return member(name)
	})
}

// array reads an array. element has to read one of its values.
func (s *scanner) array(element func() error) error {
	return s.members('[', ']', element)
}

// objectOr is object where null, or a value that is no object, counts as one without members.
func (s *scanner) objectOr(member func(name string) error) error {
	if c, err := s.next(); err != nil || c != '{' {
		return s.or(err)
	}
	return s.object(member)
}

// arrayOr is array where null, or a value that is no array, counts as one without elements.
func (s *scanner) arrayOr(element func() error) error {
	if c, err := s.next(); err != nil || c != '[' {
		return s.or(err)
	}
	return s.array(element)
}

// or passes over a value that is not what it should be, if it could be read.
func (s *scanner) or(err error) error {
	if err != nil {
		return err
	}
	return s.skip()
}

// text reads a string. Of one longer than most, the first bytes are returned, and its length.
func (s *scanner) text(most int) (_ string, length int, err error) {
	if err := s.take('"'); err != nil {
		return "", 0, err
	}
	var out strings.Builder
	var letter [utf8.UTFMax]byte
	for {
		c, err := s.byte()
		if err != nil {
			return "", 0, err
		}
		piece := append(letter[:0], c)
		switch {
		case c == '"':
			return out.String(), length, nil
		case c == '\\':
			r, err := s.escaped()
			if err != nil {
				return "", 0, err
			}
			piece = utf8.AppendRune(letter[:0], r)
		case c < ' ':
			return "", 0, s.wrong("a control character in a string")
		}
		if length += len(piece); length <= most {
			if out.Len()+len(piece) > out.Cap() { // by itself it grows so slowly that it leaves five times a long text behind
				out.Grow(64) // at least twice as much
			}
			out.Write(piece)
		}
	}
}

// escaped reads what follows a backslash.
func (s *scanner) escaped() (rune, error) {
	c, err := s.byte()
	if err != nil {
		return 0, err
	}
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
	default:
		return 0, s.wrong("\\%c in a string", c)
	}
	r, err := s.hex()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	if ahead, err := s.r.Peek(2); err != nil || ahead[0] != '\\' || ahead[1] != 'u' {
		return utf8.RuneError, nil
	}
	if _, err := s.r.Discard(2); err != nil {
		return 0, err
	}
	low, err := s.hex()
	return utf16.DecodeRune(r, low), err
}

func (s *scanner) hex() (rune, error) {
	var digits [4]byte
	for i := range digits {
		c, err := s.byte()
		if err != nil {
			return 0, err
		}
		digits[i] = c
	}
	n, err := strconv.ParseUint(string(digits[:]), 16, 32)
	if err != nil {
		return 0, s.wrong("\\u%s in a string", quoted(string(digits[:])))
	}
	return rune(n), nil
}

// textOr is text where null, or a value that is no string, counts as empty.
func (s *scanner) textOr(most int) (text string, length int, err error) {
	c, err := s.next()
	if err != nil {
		return "", 0, err
	}
	if c != '"' {
		return "", 0, s.skip()
	}
	return s.text(most)
}

// number reads a whole number; one that is none, or null, is 0.
func (s *scanner) number() (int, error) {
	c, err := s.next()
	if err != nil {
		return 0, err
	}
	if c == '"' || c == '{' || c == '[' {
		return 0, s.skip()
	}
	word, err := s.word()
	f, failed := strconv.ParseFloat(word, 64)
	if failed != nil || f > 1<<40 || f < -1<<40 {
		return 0, err
	}
	return int(f), err
}

// word reads a number, true, false or null.
func (s *scanner) word() (string, error) {
	var out []byte
	for {
		ahead, err := s.r.Peek(1)
		if err == io.EOF && len(out) > 0 {
			return string(out), nil
		}
		if err == io.EOF {
			return "", errCut
		}
		if err != nil {
			return "", err
		}
		c := ahead[0]
		if c != '+' && c != '-' && c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			if len(out) == 0 {
				return "", s.wrong("%q where a value was expected", rune(c))
			}
			return string(out), nil
		}
		if len(out) == mostName {
			return "", s.wrong("a value of more than %d letters without quotes", mostName)
		}
		out = append(out, c)
		if _, err := s.r.ReadByte(); err != nil {
			return "", err
		}
	}
}

// skip passes over a value.
func (s *scanner) skip() error {
	c, err := s.next()
	if err != nil {
		return err
	}
	switch c {
	case '{':
		return s.object(func(string) error { return s.skip() })
	case '[':
		return s.array(s.skip)
	case '"':
		return s.skipText()
	}
	_, err = s.word()
	return err
}

// skipText passes over a string faster than text does: most of a HAR are bodies of responses.
func (s *scanner) skipText() error {
	if err := s.take('"'); err != nil {
		return err
	}
	for {
		c, err := s.byte()
		switch {
		case err != nil:
			return err
		case c == '"':
			return nil
		case c == '\\':
			if _, err := s.byte(); err != nil {
				return err
			}
		}
	}
}
