package http1

import (
	"io"

	"github.com/valyala/fasthttp"
)

// expected is the key under which a client waits for the body that it was asked for.
type expected struct{}

// awaited holds that client. fasthttp closes it with the request if the body never comes: if the
// client is gone before it could be asked, say.
type awaited struct {
	client *client
	begun  any // what the handler has returned for it
}

// Close ends the exchange if nobody has taken it, or leaves it to [Server.failed], which the server calls
// next if the body could not be read.
func (a *awaited) Close() error {
	c := a.client
	if c == nil {
		return nil
	}
	if c.violation() != nil {
		c.conn.Pending = &awaited{c, a.begun}
		a.client = nil
		return nil
	}
	a.client = nil
	c.ctx = nil // nobody hears it
	c.server.handler.Failed(c, a.begun, io.ErrUnexpectedEOF)
	c.release()
	return nil
}

// takeExpected returns the client that waits for the body of ctx's request; nil if none does.
func takeExpected(ctx *fasthttp.RequestCtx) (c *client, begun any) {
	a, _ := ctx.UserValue(expected{}).(*awaited)
	if a == nil {
		conn := connOf(ctx)
		if conn == nil || conn.Pending == nil {
			return nil, nil
		}
		a, _ = conn.Pending.(*awaited)
		conn.Pending = nil
	}
	c, begun = a.client, a.begun
	a.client = nil
	return c, begun
}

// expect decides about a request with Expect: 100-continue before its body is sent. It
// returns 100, or the status of the response.
func (s *Server) expect(ctx *fasthttp.RequestCtx) (status int) {
	c := begin(s, ctx)
	if begun := s.handler.Expect(c); begun != nil {
		ctx.SetUserValue(expected{}, &awaited{c, begun})
		return fasthttp.StatusContinue
	}
	status = c.status
	c.handled()
	return status
}
