package upstream

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/socket"
)

// framing is how the end of a response body is found (RFC 9112, 6.3).
type framing int

const (
	frameNone framing = iota
	frameFixed
	frameChunked
	frameUntilClose
	frameTunnel
)

// frame returns the framing and length of the body that follows a response head.
func frame(out *message.Request, status int, f headFacts) (framing, int) {
	switch {
	case status == http.StatusSwitchingProtocols:
		return frameTunnel, -1
	case out.Method == http.MethodHead, status == http.StatusNoContent, status == http.StatusNotModified:
		return frameNone, 0
	}
	switch n := f.length; {
	case n == 0:
		return frameNone, 0
	case n > 0:
		return frameFixed, n
	case n == chunked:
		return frameChunked, -1
	default:
		return frameUntilClose, -1
	}
}

// bodiless reports whether the response has no body whatever its head says (RFC 9110, 6.4.1), for
// itself and not for its request.
func bodiless(status int) bool { return status < 200 || status == http.StatusNoContent }

// announcesBody reports whether a head says that bytes follow it.
func (f *headFacts) announcesBody() bool { return f.length == chunked || f.length > 0 }

// body reads the body of a response and settles its connection. It is part of an Exchange,
// which outlives it, so a late Close finds conn nil and cannot touch the next exchange on
// the connection.
type body struct {
	endpoint *endpoint
	places   *places // one of them is taken
	conn     *conn
	silence  time.Duration  // of the endpoint, at most; 0: any
	until    socket.Instant // of all reads
	reader   reader
	framing  framing
	keep     bool // nothing but the body speaks against reuse
	ended    bool // the body was read to its end
	inChunk  bool // left counts a chunk whose CRLF is still to come
	left     int64
	err      error       // of the last Read, sticky
	closed   atomic.Bool // a tunnel is
}

var errBodyClosed = errors.New("read of closed response body")

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.conn == nil {
		return 0, errBodyClosed
	}
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	var n int
	var err error
	if b.until != socket.Never && b.framing != frameTunnel {
		if err := b.hurry(); err != nil {
			b.err = err
			return 0, err
		}
	}
	switch b.framing {
	case frameFixed:
		n, err = b.readLeft(p)
		b.ended = b.left == 0
		if b.ended && err == nil {
			err = io.EOF
		}
	case frameChunked:
		n, err = b.readChunked(p)
		b.ended = err == io.EOF
	default:
		n, err = b.reader.br.Read(p)
	}
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		err = tooLate(wireError(b.endpoint.addr, err), b.limit())
	}
	b.err = err
	return n, err
}

// limit is which limit a read that ends now meets.
func (b *body) limit() Failure {
	if b.until != socket.Never && b.conn.Now() >= b.until {
		return Endless
	}
	return Stalled
}

// hurry has the next read end in time for everything.
func (b *body) hurry() error {
	now := b.conn.Now()
	left := time.Duration(b.until - now)
	if left <= 0 {
		return tooLate(wireError(b.endpoint.addr, os.ErrDeadlineExceeded), Endless)
	}
	if b.silence > 0 {
		left = min(left, b.silence)
	}
	b.conn.PaceReads(left, 0)
	return nil
}

// readLeft reads at most the bytes that are left, of which there are some.
func (b *body) readLeft(p []byte) (int, error) {
	n, err := b.reader.br.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, noEOF(err)
}

// Write implements io.Writer for a connection that changed protocols.
func (b *body) Write(p []byte) (int, error) {
	if b.framing != frameTunnel || b.conn == nil {
		return 0, errors.ErrUnsupported
	}
	return b.conn.Write(p)
}

// Close implements io.Closer. Of a connection that changed protocols it may be called
// while Read and Write run, and ends both.
func (b *body) Close() error {
	if b.conn == nil {
		return nil
	}
	if b.framing == frameTunnel {
		// The buffer is left to the garbage collector: a Read may be using it, and what it
		// holds must not come up in another exchange.
		if !b.closed.Swap(true) {
			b.endpoint.settle(b.conn, false)
			if b.places != nil {
				b.places.give()
			}
		}
		return nil
	}
	if b.framing == frameFixed && b.err == nil && b.left <= int64(b.reader.br.Buffered()) {
		// All of it has arrived: whoever does not want it does not cost a connection.
		_, err := b.reader.br.Discard(int(b.left))
		b.ended = err == nil
	}
	keep := b.keep && b.ended && b.reader.buffered() == 0
	b.reader.release()
	b.endpoint.settle(b.conn, keep)
	if b.places != nil {
		b.places.give()
	}
	b.conn = nil
	return nil
}
