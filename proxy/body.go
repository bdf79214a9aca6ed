package proxy

import (
	"bytes"
	"errors"
	"io"
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/wafer-waf/wafer/record"
)

// errBodyLimit says that a request body is longer than its route allows.
var errBodyLimit = errors.New("request body over the route's limit")

// countedBody is a request body as it arrives: it counts, enforces the route's limit, and
// takes an early end for what it is.
type countedBody struct {
	r         io.Reader
	n         int64
	announced int   // bytes; below 0: chunked
	limit     int64 // 0: none
	progress  *atomic.Int64
	capture   *record.Capture // nil: nobody records it
	eof       bool
}

// ended reports whether all of the body has come.
func (c *countedBody) ended() bool { return c.eof || c.announced >= 0 && c.n >= int64(c.announced) }

func (c *countedBody) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if c.progress != nil {
		c.progress.Add(int64(n))
	}
	_, _ = c.capture.Write(p[:n]) // never fails
	c.eof = c.eof || err == io.EOF
	if c.limit > 0 && c.n > c.limit {
		return n, errBodyLimit
	}
	if err == io.EOF && c.announced >= 0 && c.n < int64(c.announced) {
		return n, io.ErrUnexpectedEOF
	}
	return n, err
}

// readUpTo appends to dst what r has, at most limit bytes in all. whole reports that r has
// no more. The buffer grows with what arrives, never with what was announced.
func readUpTo(r io.Reader, dst []byte, limit int) (_ []byte, whole bool, err error) {
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		// One byte beyond the limit tells whether there is more; it is kept and passed on.
		room := dst[len(dst):min(cap(dst), limit+1)]
		n, err := r.Read(room)
		dst = dst[:len(dst)+n]
		switch {
		case err == io.EOF:
			return dst, len(dst) <= limit, nil
		case err != nil:
			return dst, false, err
		case len(dst) > limit:
			return dst, false, nil
		}
	}
}

// prefixed is what was read already and the rest, as one stream.
func prefixed(prefix []byte, rest io.Reader) io.Reader {
	if len(prefix) == 0 {
		return rest
	}
	return io.MultiReader(bytes.NewReader(prefix), rest)
}

const (
	// firstBuffer is what every body gets to begin with.
	firstBuffer = 4 << 10
	// maxPooledBody keeps one large body from occupying memory for ever.
	maxPooledBody = firstBuffer << (pooledSizes - 1)
	pooledSizes   = 5
)

// bodyPool keeps buffers by their size: a body that is accounted for must not get one that was made
// for a larger one.
type bodyPool [pooledSizes]sync.Pool

var bodies bodyPool

func (p *bodyPool) get() []byte { return p.sized(firstBuffer) }

// sized returns an empty buffer of that capacity.
func (p *bodyPool) sized(n int) []byte {
	if class := bits.Len(uint(n/firstBuffer)) - 1; class >= 0 && class < pooledSizes && n == firstBuffer<<class {
		if b, ok := p[class].Get().(*[]byte); ok {
			return (*b)[:0]
		}
	}
	return make([]byte, 0, n)
}

func (p *bodyPool) put(b []byte) {
	if n := cap(b); n >= firstBuffer && n <= maxPooledBody {
		class := bits.Len(uint(n/firstBuffer)) - 1
		kept := b[: 0 : firstBuffer<<class] // on the heap, where b need not be when nothing is kept
		p[class].Put(&kept)
	}
}

// responseBody is the response's body on its way to the client.
type responseBody struct {
	x        *exchange
	r        io.Reader
	n        int64
	err      error
	prefixed bool
	whole    bool            // all was read
	capture  *record.Capture // nil: nobody records it
}

// ended reports whether all of a body of that length, if it is known, went out as far as can be told.
func (b *responseBody) ended(length int) bool { return b.whole || length >= 0 && b.n >= int64(length) }

// errPanicked ends a response whose source has panicked.
var errPanicked = errors.New("panic while the response was read")

// Read is called when the handler has returned: nobody else would recover.
func (b *responseBody) Read(p []byte) (n int, err error) {
	defer func() {
		if r := recover(); r != nil {
			b.x.proxy.reportPanic(r, b.x.id)
			n, err, b.err = 0, errPanicked, errPanicked
		}
	}()
	n, err = b.r.Read(p)
	b.n += int64(n)
	_, _ = b.capture.Write(p[:n]) // never fails
	if err != nil && err != io.EOF {
		b.err = err
	}
	b.whole = b.whole || err == io.EOF
	return n, err
}

// Close ends the exchange; the listener calls it when the response is written, or cannot be.
func (b *responseBody) Close() error {
	x := b.x
	if x == nil {
		return nil
	}
	b.x = nil
	x.end()
	return nil
}
