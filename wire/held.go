package wire

import "sync"

// smallBuffer is what a connection takes from the pool. Only what does not fit into it,
// because a head arrives in pieces or requests come before they are asked for, costs more.
const smallBuffer = 4 << 10

var buffers = sync.Pool{New: func() any { return new([smallBuffer]byte) }}

// held are bytes that were received and cannot go to the server yet: because they are not
// judged, or because the server asked for fewer. Most requests are judged where the server
// wants them and need no memory of the connection's own.
type held struct {
	b        []byte
	r, ok    int // b[r:ok] may be delivered
	next, in int // b[next:in] is to be judged
}

func (h *held) deliverable() bool { return h.r < h.ok }
func (h *held) unjudged() []byte  { return h.b[h.next:h.in] }

// judged takes note of what a message made of the unjudged bytes.
func (h *held) judged(keep, used int) {
	h.r, h.ok = h.next, h.next+keep
	h.next += used
	if h.r == h.ok && h.next == h.in {
		h.free()
	}
}

// take moves deliverable bytes to p.
func (h *held) take(p []byte) int {
	n := copy(p, h.b[h.r:h.ok])
	h.r += n
	if h.r == h.ok && h.next == h.in {
		h.free()
	}
	return n
}

// put holds a copy of b, not yet judged.
func (h *held) put(b []byte) {
	if len(b) == 0 {
		return
	}
	h.grow(len(b))
	h.in += copy(h.b[h.in:], b)
}

// room returns free memory to read into; nothing is deliverable. What has been read is
// noted with h.in.
func (h *held) room() []byte {
	if h.next > 0 {
		h.in = copy(h.b, h.b[h.next:h.in])
		h.next, h.r, h.ok = 0, 0, 0
	}
	if h.in == len(h.b) {
		h.grow(len(h.b) + 1)
	}
	return h.b[h.in:]
}

// grow makes b at least size bytes long. It at least doubles what there is.
func (h *held) grow(size int) {
	if size <= len(h.b) {
		return
	}
	old := h.b
	if size <= smallBuffer {
		h.b = buffers.Get().(*[smallBuffer]byte)[:]
	} else {
		n := 2 * smallBuffer
		for n < size {
			n *= 2
		}
		h.b = make([]byte, n)
	}
	copy(h.b, old[:h.in])
	recycle(old)
}

// free gives the memory back. Only the goroutine that reads may call it.
func (h *held) free() {
	recycle(h.b)
	*h = held{}
}

func recycle(b []byte) {
	if len(b) == smallBuffer {
		buffers.Put((*[smallBuffer]byte)(b))
	}
}
