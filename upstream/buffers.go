package upstream

import (
	"bufio"
	"io"
	"sync"
)

// bufferBytes is the size of the buffers of an exchange: enough for most heads, and small
// enough for many slow bodies at once.
const bufferBytes = 16 << 10

// buffers are those of exchanges, for use again. One that is not in use holds on to no connection.
type buffers struct {
	readers sync.Pool // *bufio.Reader of bufferBytes
	writers sync.Pool // *bufio.Writer of bufferBytes
	large   sync.Pool // *bufio.Reader of maxHeadBytes, for heads beyond that
}

func (b *buffers) reader(from io.Reader) *bufio.Reader {
	return readerOf(&b.readers, bufferBytes, from)
}

// largeReader returns a reader that holds a head of maxHeadBytes.
func (b *buffers) largeReader(from io.Reader) *bufio.Reader {
	return readerOf(&b.large, maxHeadBytes, from)
}

func readerOf(p *sync.Pool, size int, from io.Reader) *bufio.Reader {
	if r, ok := p.Get().(*bufio.Reader); ok {
		r.Reset(from)
		return r
	}
	return bufio.NewReaderSize(from, size)
}

func (b *buffers) writer(to io.Writer) *bufio.Writer {
	if w, ok := b.writers.Get().(*bufio.Writer); ok {
		w.Reset(to)
		return w
	}
	return bufio.NewWriterSize(to, bufferBytes)
}

func (b *buffers) release(r *bufio.Reader)      { give(&b.readers, r) }
func (b *buffers) releaseLarge(r *bufio.Reader) { give(&b.large, r) }

func give(p *sync.Pool, r *bufio.Reader) {
	r.Reset(nil)
	p.Put(r)
}

func (b *buffers) releaseWriter(w *bufio.Writer) {
	w.Reset(nil)
	b.writers.Put(w)
}
