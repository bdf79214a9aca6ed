package http2

import (
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"time"

	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/message"
)

// client is a stream, and the way to who has opened it. It implements [listen.Client].
type client struct {
	stream  *stream
	unheard bool // nobody hears a response
	w       http.ResponseWriter
	control *http.ResponseController
	gone    <-chan struct{}
	body    body
	taking  pacer // of the response

	response message.Response
	given    bool
	dropped  bool
	retired  bool
}

// begin makes a client of a stream whose handler has begun.
func begin(st *stream, w http.ResponseWriter, r *http.Request) *client {
	c := &client{stream: st, w: w, control: http.NewResponseController(w), gone: r.Context().Done()}
	o := &st.conn.server.o
	c.taking.set(o.WriteTimeout, o.WriteRate)
	c.taking.moved = st.sent.Load
	c.taking.late = func(bool) { _ = c.control.SetWriteDeadline(time.Unix(1, 0)) } // which resets the stream
	c.body.begin(r.Body, st)
	return c
}

// readBody notes the stream of the request's body.
func (c *client) readBody() {
	b := &c.stream.request.Body
	b.Stream = &c.body
	b.Trailers = func() message.Fields { return c.stream.trailers }
}

// Request implements [listen.Client].
func (c *client) Request() *message.Request { return &c.stream.request }

// Respond implements [listen.Client].
func (c *client) Respond(r *message.Response) {
	if c.unheard || c.response.Body.Stream != nil {
		return
	}
	c.given = true
	c.response.Status, c.response.Body = r.Status, r.Body
	c.response.Fields = append(c.response.Fields[:0], r.Fields...)
	if r.Body.Bytes != nil {
		c.response.Body.Bytes = append([]byte{}, r.Body.Bytes...)
	}
}

// Inform implements [listen.Client].
func (c *client) Inform(r *message.Response) {
	if c.unheard {
		return
	}
	header := c.w.Header()
	setFields(header, r.Fields)
	_ = c.wait(func() error { c.w.WriteHeader(r.Status); return nil }) // if it fails, so will the final response
	clear(header)
}

// Switch implements [listen.Client]: there is nothing that a stream could become.
func (c *client) Switch(*message.Response, func(listen.Tunnel)) {
	panic("BUG: a stream of HTTP/2 that is to switch protocols")
}

// Drop implements [listen.Client].
func (c *client) Drop() { c.dropped = true }

// Close implements [listen.Client]. The rest of a request is no hindrance to others: the server resets the
// stream.
func (c *client) Close() {}

// Retire implements [listen.Client].
func (c *client) Retire() { c.retired = true }

// Gone implements [listen.Client].
func (c *client) Gone(time.Time) bool {
	select {
	case <-c.gone:
		return true
	default:
		return false
	}
}

// GiveUp implements [listen.Client].
func (c *client) GiveUp(why *listen.Violation) { c.body.giveUp(why) }

// Converse implements [listen.Client].
func (c *client) Converse() { c.body.pacer.set(0, 0) }

// Standing implements [listen.Client].
func (c *client) Standing() *listen.Standing { return &c.stream.standing }

// wait does what the client may make wait.
func (c *client) wait(f func() error) error {
	c.taking.begin()
	defer c.taking.end(0)
	return f()
}

// send sends the response, and reports whether all of it was sent.
func (c *client) send() bool {
	r := &c.response
	if closer, ok := r.Body.Stream.(io.Closer); ok {
		defer closer.Close()
	}
	if c.dropped || !c.given {
		return false
	}
	c.writeHead()
	switch {
	case r.Body.Stream != nil:
		return c.sendStream()
	case len(r.Body.Bytes) > 0 && c.stream.request.Method != http.MethodHead:
		return c.sendBytes(r.Body.Bytes)
	}
	return true
}

// lastBytes is how much of a body the server holds back until more comes, or the handler returns: written then, the end of
// the stream is in the same frame, and not in one of its own.
const lastBytes = 4 << 10

// sendBytes sends a body that is there.
func (c *client) sendBytes(body []byte) bool {
	if first := len(body) - lastBytes; first > 0 {
		if !c.pass(body[:first]) {
			return false
		}
		body = body[first:]
	}
	return c.leave(body)
}

// leave has the server send the last bytes of a body when the handler has returned. As nobody keeps the pace then, the client
// has as long for all of them as that would give it at most.
func (c *client) leave(last []byte) bool {
	o := &c.stream.conn.server.o
	switch {
	case o.WriteTimeout <= 0:
	case o.WriteRate <= 0: // it may take as long as it likes, byte by byte
		return c.pass(last)
	default:
		limit := o.WriteTimeout + time.Duration(len(last))*time.Second/time.Duration(o.WriteRate)
		if c.control.SetWriteDeadline(time.Now().Add(limit)) != nil {
			return false
		}
	}
	c.stream.conn.leave(c.stream.id)
	_, err := c.w.Write(last)
	return err == nil
}

// pass sends some of a body, at the client's pace.
func (c *client) pass(p []byte) bool {
	return c.wait(func() error { _, err := c.w.Write(p); return err }) == nil && c.wait(c.control.Flush) == nil
}

func (c *client) writeHead() {
	r := &c.response
	header := c.w.Header()
	setFields(header, r.Fields)
	if _, typed := header["Content-Type"]; !typed {
		header["Content-Type"] = nil // none is made up
	}
	_, sized := header["Content-Length"]
	switch {
	case r.Body.Bytes != nil:
		header["Content-Length"] = []string{strconv.Itoa(len(r.Body.Bytes))}
	case r.Body.Stream != nil && r.Body.Length >= 0:
		header["Content-Length"] = []string{strconv.Itoa(r.Body.Length)}
	case r.Body.Stream != nil || !sized:
		header["Content-Length"] = nil
	}
	if c.retired {
		header["Connection"] = []string{"close"} // the server makes a GOAWAY of it
	}
	c.w.WriteHeader(r.Status)
}

// streamBytes is how much of a response is read at once.
const streamBytes = 16 << 10

// sendStream sends a body as it comes, and its trailers.
func (c *client) sendStream() bool {
	b := &c.response.Body
	if b.Length < 0 && c.wait(c.control.Flush) != nil { // it may be an event stream: its head must not wait for it
		return false
	}
	p := make([]byte, streamBytes)
	for sent := 0; ; {
		n, err := b.Stream.Read(p)
		sent += n
		switch last := sent == b.Length && n <= lastBytes; {
		case n == 0:
		case last && !c.leave(p[:n]):
			return false
		case !last && !c.pass(p[:n]):
			return false
		}
		switch err {
		case nil:
		case io.EOF:
			c.writeTrailers()
			return true
		default:
			return false
		}
	}
}

func (c *client) writeTrailers() {
	if c.response.Body.Trailers == nil {
		return
	}
	header := c.w.Header()
	for _, f := range c.response.Body.Trailers() {
		key := http.TrailerPrefix + textproto.CanonicalMIMEHeaderKey(f.Name)
		header[key] = append(header[key], f.Value)
	}
}

// perConnection are fields that HTTP/2 has no place for.
var perConnection = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Proxy-Connection": true, "Transfer-Encoding": true, "Upgrade": true, "Trailer": true,
}

func setFields(header http.Header, fields message.Fields) {
	for i := range fields {
		if key := textproto.CanonicalMIMEHeaderKey(fields[i].Name); !perConnection[key] {
			header[key] = append(header[key], fields[i].Value)
		}
	}
}
