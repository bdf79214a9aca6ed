package http1

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/wire"
)

// client is a request, and the way to who has sent it. It implements [listen.Client].
type client struct {
	server   *Server
	ctx      *fasthttp.RequestCtx // nil: nobody is there to hear a response
	conn     *wire.Conn
	request  message.Request
	body     body
	response stream
	status   int // of the response
	close    bool

	scratch []byte // kept when the client is used again
}

var clients = sync.Pool{New: func() any { return new(client) }}

// begin fills a client from a request.
func begin(s *Server, ctx *fasthttp.RequestCtx) *client {
	c := clients.Get().(*client)
	c.server, c.ctx, c.conn = s, ctx, connOf(ctx)
	c.scratch = fill(&c.request, &ctx.Request.Header, c.scratch)
	c.ends()
	c.readBody()
	return c
}

func connOf(ctx *fasthttp.RequestCtx) *wire.Conn {
	c, _ := ctx.Conn().(*wire.Conn)
	return c
}

// ends notes the two ends of the connection.
func (c *client) ends() {
	c.request.Peer, c.request.Local = addrPort(c.ctx.RemoteAddr()), addrPort(c.ctx.LocalAddr())
	if c.conn != nil {
		c.request.Security = c.conn.Security()
	}
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}

// refused notes what can be shown of a head that was refused.
func (c *client) refused() {
	if c.conn != nil {
		method, target := c.conn.Refused()
		c.request.Method, c.request.Target = method, originForm(target)
	}
}

// readBody notes the stream of the request's body, if it is there.
func (c *client) readBody() {
	if r := c.ctx.RequestBodyStream(); r != nil {
		c.body = body{r: r, client: c}
		c.request.Body.Stream = &c.body
	}
}

// handled is called when a handler has returned.
func (c *client) handled() {
	if c.close || c.left() {
		c.ctx.SetConnectionClose() // the head of a response has reset what was said before it
	}
	if c.response.r == nil {
		c.release()
	}
}

// release puts the client where others find it.
func (c *client) release() {
	*c = client{scratch: c.scratch, request: message.Request{Fields: c.request.Fields[:0]}}
	clients.Put(c)
}

// Request implements [listen.Client].
func (c *client) Request() *message.Request { return &c.request }

// Respond implements [listen.Client].
func (c *client) Respond(r *message.Response) {
	if c.status = r.Status; c.ctx == nil || c.response.r != nil {
		return
	}
	if r.Body.Stream != nil && r.Body.Length < 0 && c.request.Protocol == message.HTTP10 {
		c.respondUntilClose(r)
		return
	}
	to := &c.ctx.Response
	to.ResetBody()
	setHead(&to.Header, r, c.server.dates.missing(r))
	to.SkipBody = c.request.Method == http.MethodHead // also where the head was refused
	// A body of unknown length may be an event stream: its head must not wait for it.
	to.ImmediateHeaderFlush = r.Body.Stream != nil && r.Body.Length < 0
	switch {
	case r.Body.Stream != nil:
		c.response = stream{r: r.Body.Stream, client: c}
		to.SetBodyStream(&c.response, r.Body.Length)
	case r.Body.Bytes != nil:
		to.SetBody(r.Body.Bytes)
	}
}

// Inform implements [listen.Client]. The server has flushed all earlier responses: with nothing of a next
// request in its reader it does so before it reads on.
func (c *client) Inform(r *message.Response) {
	c.scratch = appendHead(c.scratch[:0], r)
	_, _ = c.ctx.Conn().Write(c.scratch) // if it fails, so will the final response
}

// Drop implements [listen.Client].
func (c *client) Drop() {
	if c.status = 0; c.ctx == nil {
		return
	}
	c.ctx.HijackSetNoResponse(true)
	c.ctx.Hijack(func(net.Conn) {}) // the server closes the connection after it
}

// Close implements [listen.Client].
func (c *client) Close() { c.close = true }

// Retire implements [listen.Client].
func (c *client) Retire() { c.close = true }

// Gone implements [listen.Client].
func (c *client) Gone(since time.Time) bool { return c.conn != nil && c.conn.Gone(since) }

// GiveUp implements [listen.Client].
func (c *client) GiveUp(why *listen.Violation) {
	if c.conn != nil {
		c.conn.GiveUp(why)
	}
}

// Converse implements [listen.Client]: a response follows its request.
func (c *client) Converse() {}

// Standing implements [listen.Client].
func (c *client) Standing() *listen.Standing {
	if c.conn == nil {
		return new(listen.Standing)
	}
	return &c.conn.Standing
}
