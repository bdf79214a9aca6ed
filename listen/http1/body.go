package http1

import (
	"io"

	"github.com/wafer-waf/wafer/listen"
)

// body is a request's. fasthttp hides some errors behind its own, and takes some for an end; the
// connection knows.
type body struct {
	r      io.Reader
	client *client
	n      int // bytes that were read
	ended  bool
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.n += n
	if err != nil {
		b.ended = b.ended || err == io.EOF
		if v := b.client.violation(); v != nil {
			err = v
		}
	}
	return n, err
}

// discarded is how much of a body that nobody has read is read after the response, so that the connection need not
// be opened anew for the next request. It is in the buffers of the connection already, or nearly so.
const discarded = 64 << 10

// left reports whether more of the request's body may be left than is discarded.
func (c *client) left() bool {
	if c.request.Body.Stream == nil || c.body.ended {
		return false
	}
	n := c.request.Body.Length
	return n < 0 || n-c.body.n > discarded
}

// violation is what has ended the reading of requests, or nil.
func (c *client) violation() *listen.Violation {
	if c.conn == nil {
		return nil
	}
	return c.conn.Violation()
}

// reason is why a request was not read.
func (c *client) reason(err error) error {
	if v := c.violation(); v != nil {
		return v
	}
	return err
}

// stream is a response's on its way out. fasthttp closes it when it is written, or cannot be.
type stream struct {
	r      io.Reader
	client *client
}

func (s *stream) Read(p []byte) (int, error) { return s.r.Read(p) }

// Close ends the exchange.
func (s *stream) Close() error {
	c := s.client
	if c == nil {
		return nil
	}
	s.client = nil
	var err error
	if closer, ok := s.r.(io.Closer); ok {
		err = closer.Close()
	}
	c.release()
	return err
}
