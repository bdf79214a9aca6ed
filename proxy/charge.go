package proxy

import (
	"errors"

	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/message"
)

// An exchange is charged for what it holds of the memory for bodies: for its upload and for the body of
// its response, beside what its inspection holds. Whatever way it ends, leaveMemory gives it all back.

// readUpload reads what is inspected of a request's body.
func (x *exchange) readUpload(limit int) bool {
	x.body = bodies.get()
	var err error
	if !x.upload.begin(x.proxy.memory.uploads, cap(x.body), x.client) {
		err = memoryShort
	} else {
		x.body, x.bodyDone, err = x.upload.read(x.stream, x.body, limit, x.view.Body.Length)
	}
	switch {
	case err == nil:
		return true
	case errors.Is(err, memoryShort) && x.upload.done(): // if it was not let go
		return x.obey(x.inspection.Overloaded(inspect.NoMemory)) // true: what was read is passed on in front of the rest
	default:
		return x.bodyFailed(err)
	}
}

// passOn prepares for a body that goes on beyond what was read of it.
func (x *exchange) passOn() {
	x.captureRequest()
	if c, ok := x.stream.(*countedBody); ok && !x.bodyDone {
		c.progress = &x.upload.got
		x.upload.pass()
	}
}

// readSmall reads a body that nobody inspects if it is so small that it has arrived with
// its head: it goes on with the head in one write then.
func (x *exchange) readSmall() bool {
	n := x.view.Body.Length
	if n <= 0 || n > maxSmall {
		return true
	}
	var err error
	if x.body, x.bodyDone, err = readUpTo(x.stream, bodies.get(), n); err != nil {
		return x.bodyFailed(err)
	}
	return true
}

// takeResponse charges for the body of a response, of which limit bytes are inspected at most, and for
// its inspection, at once: a response that has half of what it needs must not wait for another one.
func (x *exchange) takeResponse(r *message.Response, limit int) (ok bool) {
	n := int64(limit)
	if r.Body.Length >= 0 && r.Fields.Get("Content-Encoding") == "" {
		n = min(n, int64(r.Body.Length))
	}
	x.held, ok = x.proxy.memory.responses.take(n * responseCost)
	return ok
}

// dropInspected drops what nobody needs any more when all that is left is to pass the response on,
// which takes as long as the client likes.
func (x *exchange) dropInspected() {
	x.inspection.End()
	bodies.put(x.sent)
	x.sent, x.answered = nil, true
	if !x.responseBody.prefixed && x.up.Response.Body.Length < 0 { // else it is the response's by now
		bodies.put(x.body)
		x.body = nil
	}
	x.upload.end()
	x.keepResponse(cap(x.body))
}

// keepResponse gives back what is held beyond n bytes.
func (x *exchange) keepResponse(n int) {
	if more := x.held - int64(n); more > 0 {
		x.proxy.memory.responses.free(more)
		x.held -= more
	}
}

// leaveMemory gives everything back.
func (x *exchange) leaveMemory() {
	x.inspection.End()
	x.upload.end()
	x.keepResponse(0)
}
