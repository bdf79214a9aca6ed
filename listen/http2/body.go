package http2

import (
	"io"

	"github.com/wafer-waf/wafer/listen"
)

// body is a request's.
type body struct {
	r      io.ReadCloser // the server's; closing ends a read
	stream *stream
	pacer  pacer
}

func (b *body) begin(r io.ReadCloser, st *stream) {
	b.r, b.stream = r, st
	o := &st.conn.server.o
	b.pacer.set(o.BodyTimeout, o.BodyRate)
	b.pacer.late = func(silent bool) {
		if silent {
			b.giveUp(bodyTimeout)
		} else {
			b.giveUp(bodyRate)
		}
	}
}

// giveUp ends the reading.
func (b *body) giveUp(why *listen.Violation) {
	if b.stream.broken.CompareAndSwap(nil, why) && b.r != nil {
		_ = b.r.Close()
	}
}

func (b *body) Read(p []byte) (int, error) {
	b.pacer.begin()
	n, err := b.r.Read(p)
	b.pacer.end(n)
	b.stream.conn.taken(b.stream, n)
	if err == nil || err == io.EOF {
		return n, err
	}
	if v := b.stream.broken.Load(); v != nil {
		return n, v
	}
	return n, truncated // the client has reset the stream, or is gone
}
