package coding

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
)

// The errors of a Decoder besides [ErrUnknown]. They come wrapped with the coding and the cause.
var (
	// ErrCorrupt says that a body is not, or not only, one valid stream of its coding.
	ErrCorrupt = errors.New("corrupt body")
	// ErrTooLarge says that Limits.Bytes was exceeded.
	ErrTooLarge = errors.New("decoded body too large")
	// ErrRatio says that Limits.Ratio was exceeded.
	ErrRatio = errors.New("decoded body too large for its encoded size")
	// ErrLayers says that Limits.Layers was exceeded.
	ErrLayers = errors.New("too many content codings")
)

// What the formats report to Decoder.decode, which turns it into the errors above.
var (
	errTruncated = fmt.Errorf("%w: unexpected end", ErrCorrupt)
	errFull      = errors.New("output limit reached")
)

// Defaults for a configuration. Limits has none of its own: its zero value refuses every coding.
const (
	DefaultRatio  = 100
	DefaultLayers = 2
)

// ratioFrom is the decoded size in bytes up to which the ratio says nothing. Short bodies made of
// repetitions exceed any sensible ratio and harm nobody.
const ratioFrom = 64 << 10

// Limits bound what a decoding may take and return.
type Limits struct {
	Bytes  int // decoded bytes at most, of the result and of each layer on the way
	Ratio  int // decoded bytes per encoded byte at most, from 64 KiB on, over all layers; 0 is no limit
	Layers int // codings at most, identity not counted
}

// output returns how many bytes may be decoded from n encoded ones, and the error of who wants more.
func (l Limits) output(n int) (int, error) {
	if l.Ratio <= 0 {
		return l.Bytes, ErrTooLarge
	}
	byRatio := math.MaxInt
	if n == 0 || l.Ratio <= math.MaxInt/n {
		byRatio = max(n*l.Ratio, ratioFrom)
	}
	if byRatio < l.Bytes {
		return byRatio, ErrRatio
	}
	return l.Bytes, ErrTooLarge
}

// Decoder undoes content codings. Make one with New and share it.
type Decoder struct {
	slots chan struct{} // one for each decoding that runs

	inflaters sync.Pool // *inflater
	brotlis   sync.Pool // *brotliReader
	zstds     sync.Pool // *zstdReader
}

// New returns a Decoder that works on as many bodies at a time as Go uses CPUs. A larger number
// would decode no faster, and each decoding holds memory.
func New() *Decoder {
	return &Decoder{slots: make(chan struct{}, max(runtime.GOMAXPROCS(0), 1))}
}

// Decode undoes codings, given in the order in which they were applied, and appends the result to
// dst, which must not overlap encoded. An error is one of [ErrCorrupt], [ErrTooLarge], [ErrRatio],
// [ErrLayers] and, for a Coding that is none, [ErrUnknown], to be told apart with errors.Is; dst is
// returned as it came then, but what lies behind its length may have changed.
func (d *Decoder) Decode(dst, encoded []byte, codings []Coding, l Limits) ([]byte, error) {
	decoded, _, err := d.decode(dst, encoded, codings, l, false)
	return decoded, err
}

// DecodePrefix is Decode for the beginning of a body. It returns what the encoded bytes lead to, at
// most l.Bytes of it, and whether that is the whole of what they contain: false if they end within a
// stream, or if l.Bytes cut the result. Both are no errors here. What the encoded bytes say for
// certain to be broken, or beyond the ratio, is one.
//
// From a stream that ends early, gzip, deflate and br return everything that could be decoded. zstd
// returns whole blocks, so up to 128 KiB less. Checksums stand at the end of a stream: without the
// end nothing says that the bytes are right.
func (d *Decoder) DecodePrefix(dst, encoded []byte, codings []Coding, l Limits) (decoded []byte, whole bool, err error) {
	return d.decode(dst, encoded, codings, l, true)
}

func (d *Decoder) decode(dst, encoded []byte, codings []Coding, l Limits, prefix bool) ([]byte, bool, error) {
	if len(codings) > max(l.Layers, 0) {
		return dst, false, fmt.Errorf("%w: %d", ErrLayers, len(codings))
	}
	limit, excess := l.output(len(encoded))
	limit = max(limit, 0)
	if len(codings) == 0 {
		switch {
		case len(encoded) <= limit:
			return append(dst, encoded...), true, nil
		case prefix:
			return append(dst, encoded[:limit]...), false, nil
		}
		return dst, false, ErrTooLarge
	}

	d.slots <- struct{}{}
	defer func() { <-d.slots }()

	in, whole := encoded, true
	for i := len(codings) - 1; i >= 0; i-- {
		out := output{limit: limit, hint: min(4*len(in), 1<<20)}
		if i == 0 {
			out.buf, out.base = dst, len(dst)
		}
		err := d.undo(&out, in, codings[i])
		switch {
		case err == nil:
		case errors.Is(err, errFull):
			if !prefix || errors.Is(excess, ErrRatio) {
				return dst, false, fmt.Errorf("decode %v: %w", codings[i], excess)
			}
			whole = false
		case errors.Is(err, errTruncated) && prefix:
			whole = false
		default:
			return dst, false, fmt.Errorf("decode %v: %w", codings[i], err)
		}
		if i == 0 {
			return out.buf, whole, nil
		}
		in = out.buf
	}
	panic("BUG: no layer was the last one")
}

// undo appends to out what in contains. Its errors are errTruncated, errFull and those that wrap
// ErrCorrupt or ErrUnknown.
func (d *Decoder) undo(out *output, in []byte, c Coding) error {
	if len(in) == 0 {
		return nil
	}
	switch c {
	case Gzip:
		return d.gzip(out, in)
	case Deflate:
		return d.deflate(out, in)
	case Brotli:
		return d.brotli(out, in)
	case Zstd:
		return d.zstd(out, in)
	}
	return fmt.Errorf("%w: %v", ErrUnknown, c)
}
