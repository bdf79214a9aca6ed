package http2

import (
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/wafer-waf/wafer/message"
	"golang.org/x/net/http2"
)

// goneEvery is how often it is asked whether the client is still there while its response is awaited.
const goneEvery = 500 * time.Millisecond

// stream is a request that is under way and its response. What has no other owner is guarded by Conn.mu.
type stream struct {
	c    *Conn
	id   uint32
	head bool // the request was HEAD

	window int64         // bytes of the request's body that the endpoint takes
	change chan struct{} // something has changed for who waits to send
	sent   bool          // the request is, to its end

	come     chan struct{} // something has come for who waits to read
	heads    []*message.Response
	interims int
	final    bool // the last of heads is the response's
	length   int  // of the body, as announced; -1: it was not
	heard    bool
	buf      []byte // what was received of the body
	off      int    // and read
	got      int    // bytes of the body so far
	open     int    // bytes that the endpoint may send
	taken    int    // bytes read since the window was last given back
	trailers message.Fields
	ended    bool // the response has
	err      error
}

func newStream(c *Conn, head bool) *stream {
	return &stream{c: c, head: head, window: c.initial, open: Window, length: -1, change: make(chan struct{}, 1), come: make(chan struct{}, 1)}
}

// wake tells who waits, on either side.
func (s *stream) wake() {
	for _, c := range []chan struct{}{s.change, s.come} {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// fail ends the stream. What was received before can still be read.
func (s *stream) fail(err error) {
	if s.err == nil {
		s.err = err
	}
	s.wake()
}

// over reports whether both sides have said all.
func (s *stream) over() bool { return s.sent && s.ended }

// limits say how long is waited.
type limits struct {
	until time.Time   // zero: for ever
	gone  func() bool // asked now and then; nil: nobody
}

// wait waits on a channel until f, which is called with Conn.mu, reports true.
func (s *stream) wait(on chan struct{}, l limits, f func() bool) error {
	var timer *time.Timer
	defer func() {
		if timer != nil {
			timer.Stop()
		}
	}()
	for {
		s.c.mu.Lock()
		ok := f()
		s.c.mu.Unlock()
		if ok {
			return nil
		}
		next, last := l.next()
		if next <= 0 && last {
			return os.ErrDeadlineExceeded
		}
		if timer == nil {
			timer = time.NewTimer(next)
		} else {
			timer.Reset(next)
		}
		select {
		case <-on:
		case <-timer.C:
			if l.gone != nil && l.gone() {
				return ErrGone
			}
		}
	}
}

// next is how long to sleep, and whether the time is up behind it.
func (l *limits) next() (time.Duration, bool) {
	const long = time.Hour
	d, last := long, false
	if !l.until.IsZero() {
		d, last = time.Until(l.until), true
	}
	if l.gone != nil && d > goneEvery {
		d, last = goneEvery, false
	}
	return d, last
}

// Body is the body of a response. It is also what ends an exchange.
type Body struct {
	s        *stream
	silence  time.Duration
	until    time.Time // of all reads; zero: none
	sender   *sender
	err      error // of the last Read, sticky
	closed   atomic.Bool
	trailers message.Fields
}

// Read implements io.Reader. The errors are io.EOF, io.ErrUnexpectedEOF, and those of Do.
func (b *Body) Read(p []byte) (int, error) {
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	n, back := 0, 0
	l := limits{}
	if b.silence > 0 {
		l.until = time.Now().Add(b.silence)
	}
	if !b.until.IsZero() && (l.until.IsZero() || b.until.Before(l.until)) {
		l.until = b.until
	}
	s := b.s
	err := s.wait(s.come, l, func() bool {
		switch {
		case b.closed.Load():
			b.err = errClosed
		case s.off < len(s.buf):
			n, back = s.read(p)
		case s.ended:
			b.err, b.trailers = io.EOF, s.trailers
		case s.err != nil:
			b.err = s.err
		default:
			return false
		}
		return true
	})
	if err != nil {
		b.err = err
	}
	if back > 0 {
		_ = s.c.write(func() error { return s.c.fr.WriteWindowUpdate(s.id, uint32(back)) }) // or the next Read tells
	}
	return n, b.err
}

var errClosed = os.ErrClosed

// hold keeps data until it is read. What was read already makes room for it: there may never be a moment in which all
// was read, since the endpoint may send more before.
func (s *stream) hold(data []byte) {
	if len(s.buf)+len(data) > cap(s.buf) && s.off >= len(s.buf)/2 {
		s.buf, s.off = s.buf[:copy(s.buf, s.buf[s.off:])], 0
	}
	s.buf = append(s.buf, data...)
}

// read takes what is there, and returns how much of the window is given back.
func (s *stream) read(p []byte) (n, back int) {
	n = copy(p, s.buf[s.off:])
	if s.off += n; s.off == len(s.buf) {
		s.buf, s.off = s.buf[:0], 0
	}
	if s.taken += n; s.taken >= Window/2 && !s.ended && s.err == nil {
		back, s.taken = s.taken, 0
		s.open += back
	}
	return n, back
}

// Trailers returns the fields behind the body, once Read has said io.EOF.
func (b *Body) Trailers() message.Fields { return b.trailers }

// Close ends the exchange. A stream that has not ended is reset. Nothing reads the request's body any more when it returns.
func (b *Body) Close() error {
	if b.closed.Swap(true) {
		return nil
	}
	b.s.cancel(errClosed)
	b.s.wake()
	b.sender.stop()
	return nil
}

// cancel ends a stream from this side, if it is not over, and says why.
func (s *stream) cancel(why error) {
	c := s.c
	c.mu.Lock()
	reset := !s.over() && s.err == nil
	if reset {
		s.fail(why)
	}
	over := c.forget(s)
	c.mu.Unlock()
	if reset {
		_ = c.write(func() error { return c.fr.WriteRSTStream(s.id, http2.ErrCodeCancel) })
	}
	if over {
		c.fail(errLeft)
	}
}
