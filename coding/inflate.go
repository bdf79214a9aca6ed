package coding

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/adler32"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"
)

// Flags of a gzip header (RFC 1952, section 2.3.1). The lowest one, FTEXT, changes nothing.
const (
	gzipHeaderCRC = 1 << 1
	gzipExtra     = 1 << 2
	gzipName      = 1 << 3
	gzipComment   = 1 << 4
	gzipReserved  = 0xe0
)

var (
	errHeader    = errors.New("invalid header")
	errChecksum  = errors.New("invalid checksum")
	errTrailing  = errors.New("bytes after the end")
	errAmbiguous = errors.New("valid with and without a zlib header")
)

// inflater reads one deflate stream after another from src. The package's gzip and zlib readers are
// not used: framing is a few lines, and here it says what is refused and allocates nothing.
type inflater struct {
	src    bytes.Reader
	stream io.ReadCloser // implements flate.Resetter
}

func (d *Decoder) inflater() *inflater {
	if f, ok := d.inflaters.Get().(*inflater); ok {
		return f
	}
	f := &inflater{}
	f.stream = flate.NewReader(&f.src)
	return f
}

// release puts f back and forgets the input, which belongs to the caller.
func (d *Decoder) release(f *inflater) {
	f.src.Reset(nil)
	d.inflaters.Put(f)
}

// reset makes f read the stream at the start of in. flate reads no byte too many, because src is an
// io.ByteReader, so afterwards src.Len is the length of what follows.
func (f *inflater) reset(in []byte) error {
	f.src.Reset(in)
	return f.stream.(flate.Resetter).Reset(&f.src, nil)
}

// inflate appends what the stream at the start of in contains and returns what follows the stream.
func (f *inflater) inflate(out *output, in []byte) ([]byte, error) {
	if err := f.reset(in); err != nil {
		return nil, corrupt(err)
	}
	if err := out.readFrom(f.stream); err != nil {
		return nil, err
	}
	return in[len(in)-f.src.Len():], nil
}

// gzip appends what all members of in contain.
func (d *Decoder) gzip(out *output, in []byte) error {
	f := d.inflater()
	defer d.release(f)
	for len(in) > 0 {
		head, err := gzipHeader(in)
		if err != nil {
			return err
		}
		start := len(out.buf)
		rest, err := f.inflate(out, in[head:])
		if err != nil {
			return err
		}
		if len(rest) < 8 {
			return errTruncated
		}
		member := out.buf[start:]
		if binary.LittleEndian.Uint32(rest) != crc32.ChecksumIEEE(member) ||
			binary.LittleEndian.Uint32(rest[4:]) != uint32(len(member)) {
			return corrupt(errChecksum)
		}
		in = rest[8:]
	}
	return nil
}

// gzipHeader returns the length of the header that in starts with.
func gzipHeader(in []byte) (int, error) {
	// Each byte that is there must be right: two bytes of garbage are no truncated member.
	for i, want := range []byte{0x1f, 0x8b, 8} {
		if i < len(in) && in[i] != want {
			return 0, corrupt(errHeader)
		}
	}
	if len(in) >= 4 && in[3]&gzipReserved != 0 {
		return 0, corrupt(errHeader)
	}
	if len(in) < 10 {
		return 0, errTruncated
	}
	flags, n := in[3], 10
	if flags&gzipExtra != 0 {
		if len(in) < n+2 {
			return 0, errTruncated
		}
		n += 2 + int(binary.LittleEndian.Uint16(in[n:]))
		if len(in) < n {
			return 0, errTruncated
		}
	}
	for _, text := range []byte{gzipName, gzipComment} {
		if flags&text != 0 {
			end := bytes.IndexByte(in[n:], 0)
			if end < 0 {
				return 0, errTruncated
			}
			n += end + 1
		}
	}
	if flags&gzipHeaderCRC != 0 {
		if len(in) < n+2 {
			return 0, errTruncated
		}
		if uint32(binary.LittleEndian.Uint16(in[n:])) != crc32.ChecksumIEEE(in[:n])&0xffff {
			return 0, corrupt(errHeader)
		}
		n += 2
	}
	return n, nil
}

// deflate appends what in contains, in the zlib format or bare. See "One reading" in the package's
// documentation.
func (d *Decoder) deflate(out *output, in []byte) error {
	f := d.inflater()
	defer d.release(f)
	if len(in) == 1 && zlibMethod(in[0]) {
		return errTruncated
	}
	if len(in) >= 2 && zlibMethod(in[0]) && binary.BigEndian.Uint16(in)%31 == 0 {
		err := f.zlib(out, in)
		if (err == nil || errors.Is(err, errTruncated) || errors.Is(err, errFull)) && f.bare(in, out.limit) {
			return corrupt(errAmbiguous)
		}
		return err
	}
	rest, err := f.inflate(out, in)
	if err == nil && len(rest) > 0 {
		err = corrupt(errTrailing)
	}
	return err
}

// zlibMethod reports whether c starts a zlib stream (RFC 1950, section 2.2): deflate with a window
// of at most 32 KiB.
func zlibMethod(c byte) bool { return c&0x0f == 8 && c>>4 <= 7 }

// zlib appends what in, which starts with a zlib header, contains.
func (f *inflater) zlib(out *output, in []byte) error {
	const dictionary = 0x20
	if in[1]&dictionary != 0 {
		return corrupt(errHeader)
	}
	start := len(out.buf)
	rest, err := f.inflate(out, in[2:])
	switch {
	case err != nil:
		return err
	case len(rest) < 4:
		return errTruncated
	case binary.BigEndian.Uint32(rest) != adler32.Checksum(out.buf[start:]):
		return corrupt(errChecksum)
	case len(rest) > 4:
		return corrupt(errTrailing)
	}
	return nil
}

// bare reports whether in, which starts with a zlib header, also starts with a bare deflate stream,
// or with what is one for the first limit bytes.
func (f *inflater) bare(in []byte, limit int) bool {
	// The low bits of a zlib header say: a stored block, not the last one. Its length stands behind,
	// twice. This ends almost every call.
	if len(in) < 5 || in[3] != ^in[1] || in[4] != ^in[2] {
		return false
	}
	if f.reset(in) != nil {
		return false
	}
	_, err := io.Copy(io.Discard, io.LimitReader(f.stream, int64(limit)))
	return err == nil
}
