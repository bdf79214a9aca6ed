package record

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// MaxLine is how long a line may be that a Reader reads: more than any record that the tier writes.
const MaxLine = 64 << 20

// Reader reads records. It skips empty lines, and other events that stand in the same file. A file that is gzipped is
// read as what it holds.
type Reader struct {
	from  *bufio.Reader
	line  int
	began int64 // where the line at hand begins
	at    int64
	cut   bool
	held  []byte
	limit int
}

// NewReader returns a Reader of what r has.
func NewReader(r io.Reader) *Reader { return newReader(r, MaxLine) }

func newReader(r io.Reader, limit int) *Reader {
	from, _ := Unpacked(r) // the lines tell what is wrong
	return &Reader{from: from, limit: limit}
}

// Unpacked is what r has, undone of gzip if it is gzipped. With an error it is r, from where reading has come to.
func Unpacked(r io.Reader) (*bufio.Reader, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	if magic, _ := in.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) { // reading on tells what is wrong
		return in, nil
	}
	plain, err := gzip.NewReader(in)
	if err != nil {
		return in, fmt.Errorf("read gzip: %w", err)
	}
	return bufio.NewReaderSize(plain, 64<<10), nil
}

// LineError is what is wrong with one line. Those that follow can be read.
type LineError struct {
	Line int // from 1 on
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Err) }

// Unwrap returns what is wrong.
func (e *LineError) Unwrap() error { return e.Err }

// What may be wrong with a line.
var (
	ErrTooLong = fmt.Errorf("longer than %d MiB", MaxLine>>20)
	ErrVersion = errors.New("format of a later version")
)

// Line is the number of the line that was read last.
func (r *Reader) Line() int { return r.line }

// Offset is where that line begins, in bytes from the beginning of what is read, undone of its gzip.
func (r *Reader) Offset() int64 { return r.began }

// Cut reports, at the end, whether the last line was cut off: its writer was ended, or is still writing. Nothing is
// wrong with those before it.
func (r *Reader) Cut() bool { return r.cut }

// Next returns the next record; io.EOF: there is none. After a [*LineError] reading goes on with the line behind it.
func (r *Reader) Next() (*Record, error) {
	for {
		text, ended, err := r.next()
		if err != nil {
			return nil, err
		}
		text = bytes.Trim(text, " \t\r\n\x00") // a file system that lost power fills with zeros
		if len(text) == 0 {
			continue
		}
		rec, err := parse(text)
		switch {
		case err == nil && rec == nil:
			continue
		case err == nil:
			return rec, nil
		case !ended:
			r.cut = true
			return nil, io.EOF
		}
		return nil, &LineError{r.line, err}
	}
}

// next reads a line, which is valid until the next one. It reports whether a newline ends it.
func (r *Reader) next() (text []byte, ended bool, err error) {
	r.line++
	r.began = r.at
	r.held = r.held[:0]
	long := false
	for {
		piece, err := r.from.ReadSlice('\n')
		r.at += int64(len(piece))
		if long = long || len(r.held)+len(piece) > r.limit; long {
			r.held = nil
		} else if err == nil && len(r.held) == 0 {
			return piece, true, nil
		} else {
			if more := len(r.held) + len(piece); more > cap(r.held) { // append alone grows so slowly that it leaves five times a long line behind
				r.held = append(make([]byte, 0, max(more, min(2*len(r.held), r.limit))), r.held...)
			}
			r.held = append(r.held, piece...)
		}
		switch {
		case err == nil && long, err == io.EOF && long:
			return nil, true, &LineError{r.line, ErrTooLong}
		case err == nil:
			return r.held, true, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case err == io.EOF && len(r.held) > 0:
			return r.held, false, nil
		case errors.Is(err, io.ErrUnexpectedEOF): // of a gzip that was cut
			r.cut = true
			return nil, false, io.EOF
		default:
			return nil, false, err
		}
	}
}
