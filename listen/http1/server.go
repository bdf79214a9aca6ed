package http1

import (
	"context"
	"fmt"

	"github.com/valyala/fasthttp"
	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/socket"
	"github.com/wafer-waf/wafer/wire"
)

// Options are what a Server is made of.
type Options struct {
	wire.Options
	Handler listen.Handler
}

// Server serves HTTP/1.
type Server struct {
	o       Options
	handler *listen.Handler
	server  *fasthttp.Server
	dates   dates
}

// New returns a Server.
func New(o Options) *Server {
	s := &Server{o: o, handler: &o.Handler}
	s.o.Panicked = o.Handler.Panicked
	s.server = &fasthttp.Server{
		Handler:      s.serve,
		ErrorHandler: s.failed,
		// Without it the server would say "100 Continue" before any rule was asked.
		ExpectHandler:  s.expect,
		HeaderReceived: received,
		Logger:         quiet{},
		// wire limits connections; a worker outlives its connection by a moment.
		Concurrency: o.Connections + 1024,
		// Time-outs and the limit of the head are wire's; the parser's buffer has to hold it.
		ReadBufferSize:  o.HeadBytes + 1024,
		WriteBufferSize: 8 << 10,
		// Bodies are streamed: their limits belong to routes and policies.
		StreamRequestBody: true,
		// A parsed multipart body would be written anew, not forwarded as it came.
		DisablePreParseMultipartForm: true,
		NoDefaultServerHeader:        true,
		NoDefaultDate:                true,
		NoDefaultContentType:         true,
		SecureErrorLogMessage:        true,
		CloseOnShutdown:              true,
	}
	return s
}

// received has the server ignore an expectation in HTTP/1.0, as it must (RFC 9110, 10.1.1): no interim response
// could be waited for.
func received(h *fasthttp.RequestHeader) (unchanged fasthttp.RequestConfig) {
	if !h.IsHTTP11() {
		h.Del(fasthttp.HeaderExpect)
	}
	return unchanged
}

// quiet drops fasthttp's own log lines: every error they report reaches [Server.failed].
type quiet struct{}

func (quiet) Printf(string, ...any) {}

// Serve serves the connections that ln accepts, until Shutdown. It returns nil then.
func (s *Server) Serve(ln socket.Acceptor) error {
	if err := s.server.Serve(wire.On(ln, s.o.Options)); err != nil {
		return fmt.Errorf("serve %s: %w", ln.Addr(), err)
	}
	return nil
}

// Shutdown closes the listener, and waits until requests in flight are answered or ctx ends. Tunnels
// are not waited for.
func (s *Server) Shutdown(ctx context.Context) error { return s.server.ShutdownWithContext(ctx) }

// serve is the handler of every request that fasthttp could parse.
func (s *Server) serve(ctx *fasthttp.RequestCtx) {
	c, begun := takeExpected(ctx)
	if c == nil {
		c = begin(s, ctx)
	} else {
		c.readBody()
	}
	defer c.handled()
	s.handler.Serve(c, begun)
}

// failed answers what never became a request, or a request whose body could not be read after Expect.
func (s *Server) failed(ctx *fasthttp.RequestCtx, err error) {
	c, begun := takeExpected(ctx)
	if c == nil {
		c = clients.Get().(*client)
		c.server, c.conn = s, connOf(ctx)
		c.refused()
	}
	c.ctx = ctx
	c.ends()
	defer c.handled()
	s.handler.Failed(c, begun, c.reason(err))
}
