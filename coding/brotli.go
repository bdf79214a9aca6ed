package coding

import (
	"bytes"

	"github.com/andybalholm/brotli"
)

// keepBytes is the size up to which the buffers of a decoder are kept for the next body.
const keepBytes = 1 << 20

// brotliReader reads one stream after another from src.
type brotliReader struct {
	src    bytes.Reader
	stream brotli.Reader
}

// brotli appends what in contains. The package knows neither large windows, unless told, nor
// concatenated streams, and refuses bytes after the end.
func (d *Decoder) brotli(out *output, in []byte) error {
	b, ok := d.brotlis.Get().(*brotliReader)
	if !ok {
		b = &brotliReader{}
	}
	b.src.Reset(in)
	if err := b.stream.Reset(&b.src); err != nil {
		return corrupt(err)
	}
	err := out.readFrom(&b.stream)
	// A stream that was decoded to its end had a buffer of at most twice its size; what a broken one
	// had, only its headers know.
	if err == nil && out.decoded() <= keepBytes/2 {
		b.src.Reset(nil)
		d.brotlis.Put(b)
	}
	return err
}
