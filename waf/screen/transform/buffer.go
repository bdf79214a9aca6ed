package transform

import "unsafe"

const (
	// firstChunk is the size in bytes a Buffer starts with.
	firstChunk = 4 << 10

	// doubledBytes is the size up to which a chunk that is full is followed by one of twice
	// its size.
	doubledBytes = 8 << 20

	// retainedBytes bounds what a Buffer keeps over a Reset: what the forms of a value of a
	// megabyte need.
	retainedBytes = 16 << 20
)

// Buffer holds the bytes of transformed values. The zero value is ready. A Buffer that has seen the
// amount of its usual work allocates no more. It must not be copied or used concurrently.
//
// Results of [Transformation.Apply] may point into the buffer. They stay as they are until Reset.
type Buffer struct {
	// chunk is what is filled now; its length is what is handed out. When it is full a larger one
	// takes its place, and the old one lives for as long as the strings in it. So no byte ever
	// moves, and the chunk that survives a Reset is the one that fits the work.
	chunk []byte
}

// Reset makes all strings invalid that were produced with the buffer, whose memory is used again.
// At most 16 MiB are kept.
func (b *Buffer) Reset() {
	if cap(b.chunk) > retainedBytes {
		b.chunk = nil
		return
	}
	b.chunk = b.chunk[:0]
}

// Mark is a state of a Buffer.
type Mark struct{ chunk []byte }

// Mark returns the state that the buffer is in.
func (b *Buffer) Mark() Mark { return Mark{b.chunk} }

// Release gives the memory back of results that are younger than the mark, which nothing may
// refer to.
func (b *Buffer) Release(m Mark) {
	if unsafe.SliceData(b.chunk) == unsafe.SliceData(m.chunk) { // otherwise there is a new chunk, with room for them
		b.chunk = m.chunk
	}
}

// reserve returns an empty slice with room for n bytes, which is not handed out before keep. A
// second reserve without a keep returns the same room.
func (b *Buffer) reserve(n int) []byte {
	used := len(b.chunk)
	if cap(b.chunk)-used < n {
		b.chunk = make([]byte, 0, max(firstChunk, min(2*cap(b.chunk), doubledBytes), n))
		used = 0
	}
	return b.chunk[used : used : used+n]
}

// keep hands out the bytes of d, the slice last reserved, appended to or cut. A slice that was
// appended to beyond its room has left the buffer and is right all the same.
func (b *Buffer) keep(d []byte) string {
	if len(d) == 0 {
		return ""
	}
	used := len(b.chunk)
	if used < cap(b.chunk) && &b.chunk[:cap(b.chunk)][used] == &d[0] {
		b.chunk = b.chunk[:used+len(d)]
	}
	return unsafe.String(&d[0], len(d))
}
