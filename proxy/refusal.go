package proxy

import (
	"errors"
	"net"
	"strings"

	"github.com/valyala/fasthttp"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/upstream"
	"github.com/wafer-waf/wafer/waf"
	"github.com/wafer-waf/wafer/wire"
)

// Everything that the tier refuses, or fails at, by itself, beside what the connection refuses
// ([wire.Violation]) and what inspections fail at.
var (
	noRoute         = inspect.Failure{Status: fasthttp.StatusNotFound, Word: "no_route"}
	tooManyInFlight = inspect.Failure{Status: fasthttp.StatusServiceUnavailable, Word: "in_flight"}
	bodyTooLong     = inspect.Failure{Status: fasthttp.StatusRequestEntityTooLarge, Word: "request_body"}
	notParsed       = inspect.Failure{Status: fasthttp.StatusBadRequest, Word: "syntax"} // valid to wire, and not to fasthttp
	truncated       = inspect.Failure{Status: fasthttp.StatusBadRequest, Word: "truncated"}
	panicked        = inspect.Failure{Status: fasthttp.StatusInternalServerError, Word: "panic"}
	responseCut     = inspect.Failure{Status: fasthttp.StatusBadGateway, Word: "response_body"} // when its head was sent
	notWebSocket    = inspect.Failure{Status: fasthttp.StatusBadGateway, Word: "malformed"}
)

// pathRefused are the refusals of a path that two parsers may read differently, by the bit of its kind.
var pathRefused = func() (all [len(kindWords)]inspect.Failure) {
	for i, word := range kindWords {
		all[i] = inspect.Failure{Status: fasthttp.StatusBadRequest, Word: "path_" + word}
	}
	return all
}()

// upstreamFailure is what an exchange with an upstream fails with.
func upstreamFailure(err error) inspect.Failure {
	f := inspect.Failure{Status: fasthttp.StatusBadGateway, Word: upstream.Reason(err)}
	switch f.Word {
	case "timeout":
		f.Status = fasthttp.StatusGatewayTimeout
	case "busy":
		f.Status = fasthttp.StatusServiceUnavailable
	}
	return f
}

// unreadable is why a request, or the rest of one, was not read. fasthttp hides some errors behind
// its own; the connection knows.
func unreadable(c net.Conn, err error) inspect.Failure {
	var v *wire.Violation
	if c, ok := c.(*wire.Conn); ok {
		v = c.Violation()
	}
	if v != nil || errors.As(err, &v) {
		return inspect.Failure{Status: v.Status, Word: v.Reason}
	}
	return notParsed
}

// refusedRequest is what an event can tell of a request that the connection has refused: no query, and of a
// target that is no path nothing that may be a password.
func refusedRequest(c net.Conn) (method, path string) {
	conn, ok := c.(*wire.Conn)
	if !ok {
		return "", ""
	}
	method, target := conn.Refused()
	path, _, _ = strings.Cut(originForm(target), "?")
	if !strings.HasPrefix(path, "/") {
		path = path[strings.LastIndexByte(path, '@')+1:]
	}
	return method, path
}

// obey does with the request what its inspection says, and reports whether its journey goes on.
func (x *exchange) obey(o inspect.Outcome) bool {
	if o.Err != nil && x.outcome.Err == nil {
		x.proxy.engineFailed(o.Err, x.id, x.route)
	}
	x.outcome = o
	switch o.Verdict {
	case inspect.Refused:
		switch x.answerRefusal(); o.Failure {
		case inspect.NoPlace:
			x.suspect()
		case inspect.ClientGone:
			x.ctx.SetConnectionClose()
		}
	case inspect.ErrorDeny:
		x.answer(o.Status)
	case inspect.Block:
		x.page(o.Status, &x.route.block)
	case inspect.Redirect:
		x.answerRedirect(o.Status, o.Location)
	case inspect.Drop:
		x.closeUpstream()
		x.ctx.HijackSetNoResponse(true)
		x.ctx.Hijack(func(net.Conn) {}) // the server closes the connection after it
	default:
		return true
	}
	return false
}

// engineFailed tells whoever has to act.
func (p *Proxy) engineFailed(err error, requestID string, r *route) {
	var panicked *waf.PanicError
	if errors.As(err, &panicked) {
		p.metrics.Panics.Inc()
		p.log.Error().Err(err).Str("request_id", requestID).Bytes("stack", panicked.Stack).Msg("engine panicked")
	} else {
		p.log.Error().Err(err).Str("request_id", requestID).Str("policy", r.Policy.ID).Msg("engine failed")
	}
}

// refuse answers instead of an inspection. It reports false.
func (x *exchange) refuse(why inspect.Failure) bool {
	x.outcome = x.outcome.Refuse(why)
	x.answerRefusal()
	return false
}

func (x *exchange) answerRefusal() {
	x.countRefusal()
	x.answer(x.outcome.Status)
}

func (x *exchange) countRefusal() {
	x.proxy.metrics.Refused(x.outcome.Failure.Word)
}

// bodyFailed answers a request whose body did not arrive. It reports false.
func (x *exchange) bodyFailed(err error) bool {
	if errors.Is(err, errBodyLimit) {
		return x.refuse(bodyTooLong)
	}
	x.refuse(unreadable(x.ctx.Conn(), err))
	x.ctx.SetConnectionClose()
	return false
}

// upstreamFailed notes why an exchange with an upstream failed.
func (x *exchange) upstreamFailed(why inspect.Failure) {
	x.outcome.Failure = why
	x.proxy.metrics.UpstreamFailed(x.pool.ID(), why.Word)
}
