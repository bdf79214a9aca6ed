package coding

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// output collects decoded bytes up to a limit.
type output struct {
	buf   []byte
	base  int // length of buf before the first decoded byte
	limit int // decoded bytes at most
	hint  int // decoded bytes to make room for at first; a multiple of what arrived
}

func (o *output) decoded() int { return len(o.buf) - o.base }

// readFrom appends what r has. It returns nil when r ends, errFull when r has more than the limit
// allows, errTruncated when r misses input, and else an error that wraps ErrCorrupt.
func (o *output) readFrom(r io.Reader) error {
	for idle := 0; ; {
		p := o.room()
		full := len(p) == 0
		if full {
			// The one byte too many goes behind the limit, where nobody looks.
			p = o.probe()
		}
		n, err := r.Read(p)
		if n > 0 {
			if full {
				return errFull
			}
			o.buf = o.buf[:len(o.buf)+n]
			idle = 0
		}
		switch {
		case err == nil:
			if idle++; idle > 100 {
				return corrupt(io.ErrNoProgress)
			}
		case err == io.EOF:
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return errTruncated
		default:
			return corrupt(err)
		}
	}
}

// room returns free space for decoded bytes, empty if and only if the limit is reached.
func (o *output) room() []byte {
	left := o.limit - o.decoded()
	if left <= 0 {
		return nil
	}
	if len(o.buf) == cap(o.buf) {
		// At least twice as much as before, so that copying stays linear. One byte beyond the limit
		// saves probe from growing what will be thrown away.
		o.buf = slices.Grow(o.buf, min(max(512, o.hint, o.decoded()), min(left, math.MaxInt-1)+1))
		o.hint = 0
	}
	return o.buf[len(o.buf) : len(o.buf)+min(cap(o.buf)-len(o.buf), left)]
}

// probe returns space for one byte that will not be kept.
func (o *output) probe() []byte {
	o.buf = slices.Grow(o.buf, 1)
	return o.buf[len(o.buf) : len(o.buf)+1]
}

func corrupt(cause error) error { return fmt.Errorf("%w: %w", ErrCorrupt, cause) }
