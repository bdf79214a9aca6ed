package proxy

import (
	"bytes"
	"slices"

	"github.com/wafer-waf/wafer/message"
)

// passBody passes a response on that has a body.
func (x *exchange) passBody() {
	x.editResponseHead()
	x.captureResponse()
	body := &x.responseBody
	body.r = x.up.Body
	if body.prefixed {
		body.r = prefixed(x.body, x.up.Body)
	}
	length := x.up.Response.Body.Length
	switch n := length; {
	case n >= 0 && n <= maxSmall:
		x.passWhole(body)
		return
	case n > maxSmall && x.answers():
		length = -1 // if one of its messages is stopped it ends otherwise
	case n > maxSmall && !body.prefixed && !x.readBeginning(body):
		return
	}
	r, trailers := x.toEnd(body.r)
	body.r, body.x = r, x
	x.dropInspected()
	x.respond(message.Body{Stream: body, Length: length, Trailers: trailers})
}

// maxSmall is how much of a response body of known length is read before its head is
// sent: if it breaks off there, the client gets a status for it. The server would not
// have sent less. Of requests, the listener has read as much when it calls the handler.
const maxSmall = 8 << 10

// readBeginning reads what has to be there of a long body before its head is sent.
func (x *exchange) readBeginning(body *responseBody) bool {
	bodies.put(x.body) // the request's is sent
	x.answered = true
	var err error
	if x.body, _, err = readUpTo(x.up.Body, bodies.get(), maxSmall); err != nil {
		x.brokeOff(err)
		return false
	}
	body.r = prefixed(x.body, x.up.Body)
	return true
}

// brokeOff answers in place of a response whose body ended too early to be sent.
func (x *exchange) brokeOff(err error) {
	x.responseBody.n = 0 // none of it is sent
	if x.call != nil && x.call.isStopped() {
		x.callFailed(errStopped)
		return
	}
	x.upstreamFailed(upstreamFailure(err))
	x.answer(x.outcome.Failure.Status)
}

// passWhole reads a small body and sends it. That of a call may end in another way than it came.
func (x *exchange) passWhole(body *responseBody) {
	var trailers func() message.Fields
	body.r, trailers = x.toEnd(body.r)
	all, whole, err := readUpTo(body, bodies.get(), maxSmall+mostTrailers)
	defer bodies.put(all)
	if err == nil && whole && trailers != nil && len(trailers()) > 0 { // they follow a stream alone
		body.r, body.x, body.n, body.whole = bytes.NewReader(slices.Clone(all)), x, 0, false
		x.respond(message.Body{Stream: body, Length: len(all), Trailers: trailers})
		return
	}
	x.closeUpstream()
	if err != nil || !whole {
		x.brokeOff(err)
		return
	}
	if all == nil {
		all = empty
	}
	x.respond(message.Body{Bytes: all})
}
