package http2

import (
	"cmp"
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/listen/entrance"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/socket"
)

// Options are what a Server is made of. A limit or time-out that is 0 has its default, or does not exist if
// it has none.
type Options struct {
	Handler listen.Handler

	HeadBytes   int // of all fields of a head (431); default 32 KiB
	Fields      int // of a head (431); default 128
	TargetBytes int // request target (414); default 16 KiB

	Streams       int // of a connection that are open at once; default 100
	Resets        int // streams of a connection that may end early, beyond those that are answered; default 100
	ControlFrames int // that carry nothing, beyond those that responses and time explain; default 1000
	Window        int // bytes of a body that may come before it is read; default 64 KiB

	HeadTimeout  time.Duration // from the first byte of a head, or of another frame without data, to the last one
	BodyTimeout  time.Duration // longest silence inside a body (408)
	BodyRate     int           // bytes per second that a body may not fall below for longer (408)
	WriteTimeout time.Duration // longest time in which a client takes nothing of a response
	WriteRate    int           // bytes per second that it may not take less of for longer
	Idle         time.Duration // between two requests
}

// connectionWindow is how many windows of streams that of a connection is: so many bodies that nobody reads
// yet hold up no other.
const connectionWindow = 4

// Server serves HTTP/2.
type Server struct {
	o       Options
	server  *http.Server
	arrives chan net.Conn
	start   sync.Once
	closed  chan struct{}
	closing sync.Once
}

// New returns a Server.
func New(o Options) *Server {
	o.HeadBytes = cmp.Or(o.HeadBytes, 32<<10)
	o.Fields = cmp.Or(o.Fields, 128)
	o.TargetBytes = cmp.Or(o.TargetBytes, 16<<10)
	o.Streams = cmp.Or(o.Streams, 100)
	o.Resets = cmp.Or(o.Resets, 100)
	o.ControlFrames = cmp.Or(o.ControlFrames, 1000)
	o.Window = cmp.Or(o.Window, 64<<10)
	if o.Handler.Panicked == nil {
		o.Handler.Panicked = func(any) {}
	}
	s := &Server{o: o, arrives: make(chan net.Conn), closed: make(chan struct{})}
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true) // TLS, if there is any, is below
	s.server = &http.Server{
		Handler:        http.HandlerFunc(s.serve),
		Protocols:      &protocols,
		MaxHeaderBytes: o.HeadBytes, // which clients are told; heads are read here
		IdleTimeout:    o.Idle,
		ErrorLog:       log.New(faults{o.Handler.Panicked}, "", 0),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connection{}, c)
		},
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          o.Streams,
			MaxReadFrameSize:              maxFrame,
			MaxReceiveBufferPerStream:     o.Window,
			MaxReceiveBufferPerConnection: max(connectionWindow*o.Window, 64<<10),
		},
	}
	return s
}

// connection is the key of a connection in the context of its requests.
type connection struct{}

// faults is told what the server would log. Everything but its own panics shows elsewhere.
type faults struct{ panicked func(any) }

func (f faults) Write(p []byte) (int, error) {
	if line := string(p); strings.Contains(line, ": panic serving ") {
		f.panicked(line)
	}
	return len(p), nil
}

// weight is how many connections of HTTP/1 need as much memory as an idle one of HTTP/2: 73 KiB, and 27.
const weight = 3

// Take serves a connection, unless Shutdown was called, or there is no room for it.
func (s *Server) Take(g entrance.Guest) {
	if refused := g.Sock.Weigh(weight); refused != "" {
		settings := frame{kind: frameSettings} // with which every server begins
		_, _ = g.Write(append(settings.append(nil), goAway(0, codeCalm)...))
		_ = g.Close()
		return
	}
	s.start.Do(func() {
		go func() { _ = s.server.Serve(guests{s}) }() // it ends with Shutdown
	})
	select {
	case s.arrives <- newConn(s, g):
	case <-s.closed:
		_ = g.Close()
	}
}

// guests is the listener of the server.
type guests struct{ s *Server }

// Accept returns the next connection that was taken.
func (g guests) Accept() (net.Conn, error) {
	select {
	case c := <-g.s.arrives:
		return c, nil
	case <-g.s.closed:
		return nil, net.ErrClosed
	}
}

// Close ends the taking.
func (g guests) Close() error {
	g.s.closing.Do(func() { close(g.s.closed) })
	return nil
}

// Addr returns an address that nobody asks for.
func (g guests) Addr() net.Addr { return &net.TCPAddr{} }

// Shutdown takes no more connections, tells clients to open no more streams, and waits until those that are
// open are answered or ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	_ = guests{s}.Close()
	return s.server.Shutdown(ctx)
}

// serve is the handler of every stream with a head that can be answered.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	c, _ := r.Context().Value(connection{}).(*conn)
	id, err := strconv.ParseUint(strings.TrimPrefix(r.RequestURI, "/"), 10, 31)
	if c == nil || err != nil {
		panic("BUG: a head that is none of ours")
	}
	st := c.take(uint32(id))
	if st == nil { // reset already
		panic(http.ErrAbortHandler)
	}
	defer c.release(st)
	defer func() {
		if v := recover(); v != nil {
			if err, ok := v.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				s.o.Handler.Panicked(v)
			}
			panic(http.ErrAbortHandler) // which resets the stream
		}
	}()
	client := begin(st, w, r)
	s.answer(client, r.ContentLength != 0)
	if !client.send() {
		panic(http.ErrAbortHandler)
	}
}

// answer has a request answered.
func (s *Server) answer(c *client, hasBody bool) {
	st, h := c.stream, &s.o.Handler
	leave, refused := st.conn.Sock.Enter()
	if refused != "" {
		c.Respond(turnedAway(refused))
		return
	}
	defer leave()
	switch {
	case st.refused != nil:
		h.Failed(c, nil, st.refused)
	case hasBody && st.expects():
		if begun := h.Expect(c); begun != nil {
			c.Inform(&message.Response{Status: http.StatusContinue})
			c.readBody()
			h.Serve(c, begun)
		}
	default:
		if hasBody {
			c.readBody()
		}
		h.Serve(c, nil)
	}
}

// turnedAway is what a client gets that has too many streams open, or comes when all have.
func turnedAway(reason string) *message.Response {
	r := &message.Response{Status: http.StatusServiceUnavailable, Fields: message.Fields{{Name: "Retry-After", Value: "1"}}}
	if reason == socket.RefusedPerClient {
		r.Status = http.StatusTooManyRequests
	}
	r.Body.Bytes = []byte{}
	return r
}
