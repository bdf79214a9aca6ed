package proxy

import (
	"github.com/valyala/fasthttp"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/wire"
)

// expected is the key under which an exchange waits for the body that it asked for.
type expected struct{}

// awaited holds that exchange. fasthttp closes it with the request if the body never
// comes: if the client is gone before it could be asked, say.
type awaited struct{ x *exchange }

// Close ends the exchange if nobody has taken it, or leaves it to Proxy.unparsed, which the
// server calls next if the body could not be read.
func (a *awaited) Close() error {
	if x := a.x; x != nil {
		a.x = nil
		if c, ok := x.ctx.Conn().(*wire.Conn); ok && c.Violation() != nil {
			c.Pending = x
			return nil
		}
		x.outcome.Verdict, x.outcome.Failure = inspect.Refused, truncated
		x.countRefusal()
		x.end()
	}
	return nil
}

// takeExpected returns the exchange that waits for the body of ctx's request; nil if none
// does.
func takeExpected(ctx *fasthttp.RequestCtx) *exchange {
	if a, ok := ctx.UserValue(expected{}).(*awaited); ok {
		x := a.x
		a.x = nil
		return x
	}
	if c, ok := ctx.Conn().(*wire.Conn); ok && c.Pending != nil {
		x, _ := c.Pending.(*exchange)
		c.Pending = nil
		return x
	}
	return nil
}

// expect decides about a request with Expect: 100-continue before its body is sent. It
// returns 100, or the status of the answer it has given.
func (p *Proxy) expect(ctx *fasthttp.RequestCtx) (status int) {
	x := p.begin(ctx)
	defer func() {
		if r := recover(); r != nil {
			x.panicked(r)
		}
		if status != fasthttp.StatusContinue {
			status = x.response.Status
			x.end()
		}
	}()
	if x.head() && x.obey(x.inspection.Announced(x.view.Body.Length)) {
		ctx.SetUserValue(expected{}, &awaited{x})
		return fasthttp.StatusContinue
	}
	return 0
}
