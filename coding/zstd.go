package coding

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"
)

const (
	zstdMaxWindow = 8 << 20   // RFC 9659, section 3
	zstdMaxBlock  = 128 << 10 // decoded bytes of a block at most, RFC 8878, section 3.1.1.2.4

	zstdMagic = "\x28\xb5\x2f\xfd"
)

var (
	errMagic = errors.New("invalid magic number")
	errBlock = errors.New("invalid block")
	errSize  = errors.New("content differs from its declared size")
)

// zstdReader reads one frame after another. The source of stream is the zstdReader itself: a header
// written here, then the frame's blocks from the input.
type zstdReader struct {
	stream *zstd.Decoder
	head   []byte
	blocks []byte
	header [6]byte // what head is a part of
}

// Read implements io.Reader for stream.
func (z *zstdReader) Read(p []byte) (int, error) {
	if len(z.head) > 0 {
		n := copy(p, z.head)
		z.head = z.head[n:]
		return n, nil
	}
	if len(z.blocks) == 0 {
		return 0, io.EOF
	}
	n := copy(p, z.blocks)
	z.blocks = z.blocks[n:]
	return n, nil
}

// zstd appends what all frames of in contain.
//
// A decoder allocates the window that a frame declares, up to 8 MiB for nothing but a header. So the
// frames are measured here, and each is given to the decoder with a header that declares no more than
// the frame can lead to. Distances reach back no further than what was decoded, so a window larger
// than that has no meaning.
func (d *Decoder) zstd(out *output, in []byte) error {
	z, ok := d.zstds.Get().(*zstdReader)
	if !ok {
		z = newZstdReader()
	}
	largest := 0
	err := z.frames(out, in, &largest)
	if largest > keepBytes {
		return err // the window stays allocated as long as the decoder
	}
	z.head, z.blocks = nil, nil
	if z.stream.Reset(nil) == nil {
		d.zstds.Put(z)
	}
	return err
}

func newZstdReader() *zstdReader {
	stream, err := zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(1), // no goroutines
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(zstdMaxWindow),
		zstd.WithDecoderMaxMemory(zstdMaxWindow), // of a window, when reading a stream
		zstd.WithDecodeBuffersBelow(0))
	if err != nil {
		panic("BUG: options of the zstd decoder: " + err.Error())
	}
	return &zstdReader{stream: stream}
}

// frames appends what all frames of in contain, and notes the largest window that was allocated.
func (z *zstdReader) frames(out *output, in []byte, largest *int) error {
	for len(in) > 0 {
		skipped, err := zstdSkip(in)
		if err != nil {
			return err
		}
		if skipped > 0 {
			in = in[skipped:]
			continue
		}
		f, err := parseFrame(in)
		if err != nil {
			return err
		}
		window := f.needs(out.limit - out.decoded())
		*largest = max(*largest, window)
		start := len(out.buf)
		if err := z.frame(out, &f, window); err != nil {
			return err
		}
		if f.sized && f.size != uint64(len(out.buf)-start) {
			return corrupt(errSize)
		}
		in = in[f.length:]
	}
	return nil
}

// frame appends what f contains.
func (z *zstdReader) frame(out *output, f *zstdFrame, window int) error {
	z.head = append(z.header[:0], zstdMagic...)
	z.head = append(z.head, f.flags, windowDescriptor(window))
	z.blocks = f.blocks
	if err := z.stream.Reset(z); err != nil {
		return corrupt(err)
	}
	err := out.readFrom(z.stream)
	switch {
	case f.truncated && err == nil:
		return errTruncated
	case !f.truncated && errors.Is(err, errTruncated):
		// The blocks are all there, so it is one of them that ends too early.
		return corrupt(errBlock)
	}
	return err
}

// zstdSkip returns the length of the skippable frame that in starts with, 0 if it starts with a frame
// of the other kind (RFC 8878, section 3.1.2).
func zstdSkip(in []byte) (int, error) {
	const last = "\x2a\x4d\x18" // after a byte from 0x50 to 0x5f
	n := min(len(in), 4)
	switch {
	case zstdMagic[:n] == string(in[:n]):
		if n < 4 {
			return 0, errTruncated
		}
		return 0, nil
	case in[0]&0xf0 != 0x50 || last[:n-1] != string(in[1:n]):
		return 0, corrupt(errMagic)
	case len(in) < 8:
		return 0, errTruncated
	}
	size := uint64(binary.LittleEndian.Uint32(in[4:])) + 8
	if size > uint64(len(in)) {
		return 0, errTruncated
	}
	return int(size), nil
}
