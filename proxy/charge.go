package proxy

import (
	"errors"

	"github.com/valyala/fasthttp"
	"github.com/wafer-waf/wafer/coding"
	"github.com/wafer-waf/wafer/wire"
)

// An exchange is charged for what it holds of the memory for bodies. Whatever way it ends, leaveMemory
// gives it all back.

// charge is what an exchange holds of the memory for bodies beside its upload.
type charge struct {
	reading int64 // for the inspection of the request's body
	answer  int64 // for the response's body and its inspection
}

// readUpload reads what is inspected of a request's body.
func (x *exchange) readUpload(limit int) bool {
	x.body = bodies.get()
	var client giver
	if c, ok := x.ctx.Conn().(*wire.Conn); ok {
		client = c
	}
	var err error
	if !x.upload.begin(x.proxy.memory.uploads, cap(x.body), client) {
		err = memoryShort
	} else {
		x.body, x.bodyDone, err = x.upload.read(x.stream, x.body, limit, x.ctx.Request.Header.ContentLength())
	}
	switch {
	case err == nil:
		return true
	case errors.Is(err, memoryShort) && x.upload.done(): // if it was not let go
		return x.shortOfMemory() // true: what was read is passed on in front of the rest
	default:
		return x.bodyFailed(err)
	}
}

// shortOfMemory does what the policy says about a message for whose inspection there is no room.
func (x *exchange) shortOfMemory() bool {
	x.coverage = coverage{coverageNone, reasonOverload}
	if x.route.policy.OnOverload == "allow" {
		x.abandon()
		return true
	}
	return x.refuse(fasthttp.StatusServiceUnavailable, memoryShort.Reason)
}

// takeReading charges for the inspection of a request's body of n bytes, and for what it is
// decoded to.
func (x *exchange) takeReading(n int) (ok bool) {
	cost := int64(n) * readingCost
	if x.view.encoded() {
		cost = min(int64(x.route.policy.RequestBody.Limit), int64(n)*coding.DefaultRatio) * (readingCost + 1)
	}
	x.charged.reading, ok = x.proxy.memory.readings.take(cost)
	return ok
}

// keepReading gives back what is held beyond n bytes.
func (x *exchange) keepReading(n int) {
	if more := x.charged.reading - int64(n); more > 0 {
		x.proxy.memory.readings.free(more)
		x.charged.reading -= more
	}
}

// takeAnswer charges for the body of a response, of which limit bytes are inspected at most, and for
// its inspection, at once: a response that has half of what it needs must not wait for another one.
func (x *exchange) takeAnswer(h *fasthttp.ResponseHeader, limit int) (ok bool) {
	n := int64(limit)
	if x.up.Length >= 0 && len(h.ContentEncoding()) == 0 {
		n = min(n, int64(x.up.Length))
	}
	x.charged.answer, ok = x.proxy.memory.answers.take(n * answerCost)
	return ok
}

// dropInspected drops what nobody needs any more when all that is left is to pass the response on,
// which takes as long as the client likes.
func (x *exchange) dropInspected() {
	if x.tx != nil {
		x.abandon()
	}
	bodies.put(x.sent)
	x.sent = nil
	if !x.answerBody.prefixed && x.up.Length < 0 { // else it is the response's by now
		bodies.put(x.body)
		x.body = nil
	}
	x.upload.end()
	x.keepReading(0)
	x.keepAnswer(cap(x.body))
}

// keepAnswer gives back what is held beyond n bytes.
func (x *exchange) keepAnswer(n int) {
	if more := x.charged.answer - int64(n); more > 0 {
		x.proxy.memory.answers.free(more)
		x.charged.answer -= more
	}
}

// leaveMemory gives everything back.
func (x *exchange) leaveMemory() {
	x.upload.end()
	x.keepReading(0)
	x.keepAnswer(0)
}
