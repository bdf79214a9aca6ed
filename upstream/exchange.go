package upstream

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/upstream/balance"
)

// lateResponse is how long a response is awaited after writing the request failed: the
// endpoint may have said why it stopped reading.
const lateResponse = time.Second

// maxInterim bounds the 1xx responses before the final one.
const maxInterim = 16

// Exchange is one request and its response. It may be reused once Body is closed.
type Exchange struct {
	// Response is what the endpoint says: its head as it came, and Body. It is undefined after an
	// error. The list of its fields is used again for the next exchange.
	Response message.Response
	// Deadline ends connecting, sending and the wait for the response head; zero: no such
	// limit. It does not limit the body of the response.
	Deadline time.Time
	// Fair is how long an endpoint has to have been silent for it to be its fault that Deadline has passed, which may come from a client, or be
	// near since a client has sent slowly; 0: it always is.
	Fair time.Duration
	// BodyIdle is the longest silence of the endpoint while its body is read; 0: any. It
	// does not apply to a tunnel.
	BodyIdle time.Duration
	// Interim, if not nil, is called with Response for every 1xx response except 100.
	Interim func(*message.Response)
	// Retried, if not nil, is called when an attempt at an endpoint has failed and another one is made.
	Retried func(endpoint string, why Failure)
	// Upgrade accepts a 101. Body is then the stream in both directions, an
	// io.ReadWriteCloser; reading, writing and closing it may happen at once. Without it a
	// 101 is malformed.
	Upgrade bool

	// Trailers says that the client takes fields behind the body of the response.
	Trailers bool
	// StopBody, if not nil, lets Do return when the head of the response is there, while the request's body is still being
	// sent, if the endpoint speaks HTTP/2. Body.Close ends that: it calls StopBody, which has to end a read of the
	// request's body that waits, and returns when nobody reads it any more.
	StopBody func()
	// Gone, if not nil, is asked now and then, while the response is awaited, whether the client has left.
	Gone func() bool

	// Key decides, with balance.ConsistentHash, which endpoint is asked; Keyed: there is one.
	Key   uint64
	Keyed bool
	// Token, with balance.Sticky, names the endpoint to ask; empty: none. Named is what names the one that was asked last.
	Token, Named string

	// Endpoint is the host:port that answered or failed last.
	Endpoint string
	// Again is how many attempts followed one that had failed.
	Again int
	// Unaffordable says that one more was not made, since too much is tried again already.
	Unaffordable bool
	// Body is the body of the response, nil if it has none. A Read that fails says why:
	// io.ErrUnexpectedEOF for a body cut short, or an error as of Pool.Do. Close gives the
	// connection back or closes it, once; further calls do nothing.
	Body io.ReadCloser

	body   body
	stream *streamBody // by HTTP/2
	until  time.Time   // of everything, the body included; zero: none
	tried  balance.Tried
	left   bool      // the use of one of them has begun, and has ended with an error
	stays  bool      // it is not sent to another endpoint for want of a place
	own    *endpoint // for which it waits
	placed func()    // it waits in a line, which it leaves as soon as it has a place; nil: it does not
}

func (x *Exchange) reset() {
	if x.body.conn != nil && !x.body.closed.Load() || x.stream != nil && !x.stream.closed.Load() {
		panic("BUG: exchange reused before its body was closed")
	}
	x.Endpoint, x.Body, x.Response.Body, x.stream = "", nil, message.Body{}, nil
	x.tried.Clear()
	x.Again, x.Unaffordable, x.stays, x.own = 0, false, false, nil
}

// exchange sends out over c and reads the head of the response into x. If it sets x.Body
// then c is settled by closing it, otherwise, even after a panic of the caller's
// functions, it is settled here. After an error it tells how much of the request is used up.
func (e *endpoint) exchange(c *conn, reused bool, out *message.Request, x *Exchange) (spent, error) {
	keep, handedOn := false, false
	defer func() {
		if !handedOn {
			e.settle(c, keep)
		}
	}()

	c.begin(e.response, x.Deadline)
	bw := e.buffers.writer(c)
	clientErr, sendErr := send(bw, out)
	e.buffers.releaseWriter(bw)
	if clientErr != nil { // the response, if one comes, is to half a request
		return spentAll, &ClientBodyError{clientErr}
	}
	if errors.Is(sendErr, os.ErrDeadlineExceeded) {
		return spentAll, wireError(e.addr, sendErr)
	}

	c.awaitHead(e.headLimit(x, sendErr), x.Gone)
	r := reader{endpoint: e, br: e.buffers.reader(c)}
	h, err := r.response(x)
	if err != nil {
		r.release()
		return e.unanswered(c, reused, out, sendErr, err)
	}
	e.answered(c, nil)
	if h.rests > 0 {
		c.hint = h.rests
	}

	// Who announces a body where there is none may send it, later than anybody can wait for it.
	lies := bodiless(x.Response.Status) && h.announcesBody()
	reusable := h.persistent && sendErr == nil && !lies
	framing, length := frame(out, x.Response.Status, h)
	if framing == frameNone {
		keep = reusable && r.buffered() == 0
		r.release()
		return spentAll, nil
	}
	c.stream(x.BodyIdle, framing == frameTunnel)
	x.body = body{endpoint: e, conn: c, silence: x.BodyIdle, until: c.At(x.until), reader: r, framing: framing, keep: reusable, left: int64(max(length, 0))}
	x.Body = &x.body
	x.Response.Body = message.Body{Stream: x.Body, Length: length}
	handedOn = true
	return spentAll, nil
}

// unanswered says why there is no response, and how much of the request is used up. Both errors are of the connection, the second of
// reading.
func (e *endpoint) unanswered(c *conn, reused bool, out *message.Request, sending, reading error) (spent, error) {
	used, err := c.spent(reused, out, sending, reading), reading
	if sending != nil && !errors.Is(sending, errAnswered) && !errors.Is(err, ErrMalformed) && refusal(err) == nil {
		err = sending
	}
	err = wireError(e.addr, err)
	first := !c.proved
	e.answered(c, err)
	switch {
	case errors.Is(err, ErrClosed):
		if reused && !c.heard {
			e.habit.closed(c.idle)
		}
	case first && !c.heard && FailureOf(err) == Unwelcome && out.Body.Stream == nil:
		used = nothing // nobody reads what somebody sends who is not accepted
	default:
		used = spentAll
	}
	return used, err
}

// headLimit is when the response head must have arrived, now that sending has ended.
func (e *endpoint) headLimit(x *Exchange, sendErr error) time.Time {
	now := time.Now()
	if sendErr != nil {
		return now.Add(lateResponse)
	}
	if until := now.Add(e.response); e.response > 0 && (x.Deadline.IsZero() || until.Before(x.Deadline)) {
		return until
	}
	return x.Deadline
}

// reader is the buffered input of an exchange.
type reader struct {
	endpoint *endpoint
	br       *bufio.Reader // what is read from
	below    *bufio.Reader // what br reads from after a large head, else nil
}

// grow makes room for a head of maxHeadBytes. It reports false if there is no more.
func (r *reader) grow() bool {
	if r.below != nil {
		return false
	}
	r.below = r.br
	r.br = r.endpoint.buffers.largeReader(r.below)
	return true
}

func (r *reader) buffered() int {
	n := r.br.Buffered()
	if r.below != nil {
		n += r.below.Buffered()
	}
	return n
}

func (r *reader) release() {
	if r.below != nil {
		r.endpoint.buffers.releaseLarge(r.br)
		r.br, r.below = r.below, nil
	}
	r.endpoint.buffers.release(r.br)
	r.br = nil
}

// response reads the final response head into x.Response, handing on interim ones.
func (r *reader) response(x *Exchange) (headFacts, error) {
	for range maxInterim + 1 {
		h, err := r.head(&x.Response)
		if err != nil {
			return h, err
		}
		switch s := x.Response.Status; {
		case s == http.StatusSwitchingProtocols:
			if !x.Upgrade || !h.http11 {
				return h, malformed("101 without request")
			}
			return h, nil
		case s >= 200:
			return h, nil
		case h.announcesBody(): // one reader takes the next head for it, and another does not
			return h, malformed("interim response with a body")
		case s != http.StatusContinue && x.Interim != nil:
			x.Interim(&x.Response)
		}
	}
	return headFacts{}, malformed("too many interim responses")
}
