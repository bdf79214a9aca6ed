package http2

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/listen/entrance"
	"github.com/wafer-waf/wafer/message"
)

// conn is a connection as the server sees it. Read belongs to one goroutine, and so does Write; Close may
// come from any.
type conn struct {
	entrance.Guest
	server *Server
	in     inbound
	out    outbound

	resets   allowance // of streams, beside those that are answered
	controls controls

	ends   atomic.Pointer[listen.Violation] // why the connection ends
	closed atomic.Bool

	mu       sync.Mutex
	streams  map[uint32]*stream // whose handler has not returned
	standing listen.Standing    // as the last request has left it
	leaving  map[uint32]bool    // streams whose handlers have left the rest to the server
	held     int                // bytes of heads, and of bodies that nobody has read
}

func newConn(s *Server, g entrance.Guest) *conn {
	c := &conn{Guest: g, server: s, streams: make(map[uint32]*stream), leaving: make(map[uint32]bool)}
	c.resets.fill(s.o.Resets)
	c.controls.fill(s.o.ControlFrames)
	c.controls.last = g.Sock.Now()
	c.in.begin(c)
	return c
}

// errPanicked ends a connection that met a fault of this package.
var errPanicked = errors.New("panic on the connection")

// recovered makes a panic cost a connection: the server reads and writes in goroutines of its own.
func (c *conn) recovered(n *int, err *error) {
	if r := recover(); r != nil {
		c.server.o.Handler.Panicked(r)
		*n, *err = 0, errPanicked
	}
}

// Read reads frames for the server.
func (c *conn) Read(p []byte) (n int, err error) {
	defer c.recovered(&n, &err)
	return c.in.read(c, p)
}

// Write writes frames of the server.
func (c *conn) Write(p []byte) (n int, err error) {
	defer c.recovered(&n, &err)
	return c.out.write(c, p)
}

// Close says why, if the client has earned the end, and closes the connection.
func (c *conn) Close() error {
	if c.closed.Swap(true) {
		return net.ErrClosed
	}
	if v := c.ends.Load(); v != nil && v != protocol { // of which the server has told the client
		c.out.last(c, goAway(c.in.highest.Load(), codeCalm))
	}
	return c.Guest.Close()
}

// end ends the connection for what the client does on it. Who reads finds out, and the server with it.
func (c *conn) end(why *listen.Violation) {
	if c.ends.CompareAndSwap(nil, why) {
		c.report(nil, why)
		c.Sock.Interrupt()
	}
}

// report tells of what was refused and is answered by the server, or by nobody.
func (c *conn) report(st *stream, why *listen.Violation) {
	if st == nil {
		st = &stream{conn: c}
		st.request.Protocol = message.HTTP20
	}
	st.ends()
	c.server.o.Handler.Failed(&client{stream: st, unheard: true}, nil, why)
}

// SetDeadline does nothing: the connection knows what it waits for.
func (c *conn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (c *conn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

// RemoteAddr returns the address of the client.
func (c *conn) RemoteAddr() net.Addr { return c.Sock.RemoteAddr() }

// open has a stream wait for its handler.
func (c *conn) open(st *stream) {
	c.mu.Lock()
	c.streams[st.id] = st
	n := len(c.streams)
	c.hold(st.head) // whether there is room for the stream is asked when it begins
	c.mu.Unlock()
	if n > mostWaiting*c.server.o.Streams {
		c.end(resets)
	}
}

// hold notes that so many bytes more are held, and reports false if there is no room for them. The caller has mu.
func (c *conn) hold(n int) (room bool) {
	c.held += n
	return c.Sock.Holds(c.held)
}

// forget takes a stream out of those whose handler has not returned. The caller has mu.
func (c *conn) forget(st *stream) {
	delete(c.streams, st.id)
	c.hold(-st.head - st.unread)
	st.head, st.unread = 0, 0
}

// mostUnread is how much of a body may wait to be read where there is no room left for what connections hold.
const mostUnread = 16 << 10

// arrived takes note of n bytes of a body, and reports false if there is no room for them.
func (c *conn) arrived(st *stream, n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.streams[st.id] != st {
		return true // nobody will read them
	}
	st.unread += n
	return c.hold(n) || st.unread < mostUnread
}

// taken takes note that n bytes of a body were read.
func (c *conn) taken(st *stream, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n = min(n, st.unread); n > 0 {
		st.unread -= n
		c.hold(-n)
	}
}

// mostWaiting is how many times more streams than may be open can wait for the server: for their handler to
// begin, or for their end, since they came behind a GOAWAY.
const mostWaiting = 4

// take is the stream whose handler has begun; nil: it is gone already.
func (c *conn) take(id uint32) *stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.streams[id]
	if st != nil {
		st.taken, st.standing, st.before = true, c.standing, c.standing
	}
	return st
}

// stream is the stream, if its handler is yet to return.
func (c *conn) stream(id uint32) *stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.streams[id]
}

// leave takes note that the rest of a stream's response is there.
func (c *conn) leave(id uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if st := c.streams[id]; st != nil && !st.over {
		c.leaving[id] = true
	}
}

// left takes note that nothing more of a response comes.
func (c *conn) left(id uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.leaving, id)
}

// follows reports whether what comes behind that head is there.
func (c *conn) follows(f frame) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	follows := c.leaving[f.stream]
	if f.has(flagEndStream) {
		delete(c.leaving, f.stream)
	}
	return follows && f.kind == frameHeaders && !f.has(flagEndStream)
}

// reset takes note that a stream is over early, and reports whether somebody worked on it.
func (c *conn) reset(id uint32) (worked bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.leaving, id)
	st := c.streams[id]
	if st == nil || st.over {
		return false
	}
	if st.over = true; !st.taken { // its handler may never begin
		c.forget(st)
		if v := st.broken.Load(); v != nil {
			go c.report(st, v) // the server waits for this write
		}
	}
	return true
}

// release takes note that the handler of a stream has returned.
func (c *conn) release(st *stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(st)
	if st.standing != st.before {
		c.standing = st.standing
	}
	if !st.over {
		c.resets.earn(1)
	}
}
