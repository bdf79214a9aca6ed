package http2

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wafer-waf/wafer/message"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// stallCheck is how often somebody who may not send looks whether the endpoint has answered instead of reading on.
const stallCheck = 250 * time.Millisecond

// errStopped ends the sending of a body that nobody wants any more.
var errStopped = errors.New("endpoint takes no more")

// bodies are buffers for what is read of requests' bodies.
var bodies = sync.Pool{New: func() any { return new([maxFrame]byte) }}

// opened is a stream whose head is sent, and what is left of its body.
type opened struct {
	*stream
	rest  []byte
	since uint64 // frames heard before
}

// start opens a stream in the place that was reserved, and sends its head with as much of a body as is there and may go.
func (c *Conn) start(out *message.Request, trailers bool) (opened, error) {
	b := &out.Body
	var o opened
	err := c.write(func() error {
		c.mu.Lock()
		c.reserved--
		if c.err != nil || c.leaving || c.next > 1<<31-1 {
			c.leaving = true
			c.mu.Unlock()
			return nil
		}
		s := newStream(c, out.Method == "HEAD")
		s.id, c.next = c.next, c.next+2
		c.streams[s.id] = s
		n := s.quota(len(b.Bytes))
		o = opened{s, b.Bytes[n:], c.heard}
		s.sent = b.Stream == nil && len(o.rest) == 0
		c.mu.Unlock()
		if err := c.writeHead(s.id, c.encodeHead(out, trailers), s.sent && n == 0); err != nil || n == 0 {
			return err
		}
		return c.fr.WriteData(s.id, s.sent, b.Bytes[:n])
	})
	if o.stream == nil && err == nil {
		c.mu.Lock()
		over := c.left()
		c.mu.Unlock()
		if over {
			c.fail(errLeft)
		}
		var alert *net.OpError
		switch ended := c.ended(); {
		case errors.Is(ended, ErrForeign): // it would be no better elsewhere
			err = ErrForeign
		case errors.As(ended, &alert) && alert.Op == "remote error": // of TLS; likewise, if it is about who asks
			err = fmt.Errorf("%w: %w", ErrUnprocessed, alert)
		default:
			err = ErrUnprocessed
		}
	}
	return o, err
}

// quota takes up to n bytes of what the endpoint lets this stream send at once, with Conn.mu.
func (s *stream) quota(n int) int {
	n = int(max(0, min(int64(n), s.window, s.c.window, int64(s.c.frame))))
	s.window -= int64(n)
	s.c.window -= int64(n)
	return n
}

// encodeHead encodes a request as it was built. Fields of HTTP/1's connections are not said in HTTP/2.
func (c *Conn) encodeHead(out *message.Request, trailers bool) []byte {
	c.block.Reset()
	scheme := "http"
	if c.o.Secure {
		scheme = "https"
	}
	c.field(":method", out.Method)
	c.field(":scheme", scheme)
	if host := out.Fields.Get("Host"); host != "" {
		c.field(":authority", host)
	}
	c.field(":path", out.Target)
	for i := range out.Fields {
		f := &out.Fields[i]
		if name := strings.ToLower(f.Name); name != "host" && !perConnection(name) {
			c.field(name, f.Value)
		}
	}
	if trailers {
		c.field("te", "trailers")
	}
	switch b := &out.Body; {
	case b.Stream != nil && b.Length >= 0:
		c.field("content-length", strconv.Itoa(b.Length))
	case b.Stream == nil && b.Bytes != nil:
		c.field("content-length", strconv.Itoa(len(b.Bytes)))
	}
	return c.block.Bytes()
}

// field encodes a field. Many clients share a connection: their secrets stay out of the table that all of them see the size of.
func (c *Conn) field(name, value string) {
	_ = c.enc.WriteField(hpack.HeaderField{Name: name, Value: value, Sensitive: name == "authorization" || name == "cookie"}) // to memory
}

// writeHead writes an encoded list of fields, in as many frames as it takes.
func (c *Conn) writeHead(id uint32, block []byte, end bool) error {
	for first := true; first || len(block) > 0; first = false {
		n := min(len(block), maxFrame)
		part, rest := block[:n], block[n:]
		var err error
		if first {
			err = c.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: part, EndStream: end, EndHeaders: len(rest) == 0})
		} else {
			err = c.fr.WriteContinuation(id, len(rest) == 0, part)
		}
		if err != nil {
			return err
		}
		block = rest
	}
	return nil
}

// sender sends what is left of a request's body.
type sender struct {
	opened
	body   *message.Body
	duplex bool   // while the response is read
	end    func() // a read from the client that waits
	stall  time.Duration
	until  time.Time
	took   bool          // something from the client
	done   chan struct{} // closed in the end, if it runs on its own
}

// stop ends a sender that runs on its own.
func (d *sender) stop() {
	if d.done == nil {
		return
	}
	select {
	case <-d.done:
		return
	default:
	}
	d.end()
	<-d.done
}

// run sends all. It returns errStopped if the stream has ended before, or the endpoint has answered and reads no more.
func (d *sender) run() error {
	if d.body.Stream == nil {
		return d.send(d.rest, true)
	}
	buf := bodies.Get().(*[maxFrame]byte)
	defer bodies.Put(buf)
	for left := d.body.Length; ; {
		part := buf[:]
		if d.body.Length >= 0 {
			part = part[:min(len(part), left)]
		}
		n, err := 0, io.EOF
		if len(part) > 0 {
			n, err = d.body.Stream.Read(part)
		}
		d.took = d.took || n > 0
		left -= n
		end := d.body.Length >= 0 && left == 0
		switch {
		case err == io.EOF && d.body.Length >= 0 && !end:
			return &BodyError{io.ErrUnexpectedEOF}
		case err != nil && err != io.EOF && !end:
			return &BodyError{err}
		case err == io.EOF && !end:
			end = true
		}
		var trailers message.Fields
		if end && d.body.Trailers != nil {
			trailers = d.body.Trailers()
		}
		if err := d.send(part[:n], end && len(trailers) == 0); err != nil {
			return err
		}
		if end {
			return d.sendTrailers(trailers)
		}
	}
}

// send sends a part of the body, as the endpoint lets it.
func (d *sender) send(p []byte, end bool) error {
	if len(p) == 0 && !end {
		return nil
	}
	for {
		n, err := d.await(len(p))
		if err != nil {
			return err
		}
		last := end && n == len(p)
		err = d.c.write(func() error {
			if !d.going(last) {
				return nil
			}
			return d.c.fr.WriteData(d.id, last, p[:n])
		})
		if err != nil {
			return err
		}
		if p = p[n:]; len(p) == 0 {
			d.finish()
			return nil
		}
	}
}

// going reports whether the stream goes on, and notes that what follows is the last of it.
func (d *sender) going(last bool) bool {
	d.c.mu.Lock()
	defer d.c.mu.Unlock()
	if d.err != nil {
		return false
	}
	d.sent = d.sent || last
	return true
}

// finish lets go of a stream that is over.
func (d *sender) finish() {
	d.c.mu.Lock()
	over := d.over() && d.c.forget(d.stream)
	if d.sent {
		d.wake()
	}
	d.c.mu.Unlock()
	if over {
		d.c.fail(errLeft)
	}
}

func (d *sender) sendTrailers(fields message.Fields) error {
	if len(fields) == 0 {
		return nil
	}
	err := d.c.write(func() error {
		if !d.going(true) {
			return nil
		}
		d.c.block.Reset()
		for i := range fields {
			name := strings.ToLower(fields[i].Name)
			if !perConnection(name) && !framing(name) && !strings.HasPrefix(name, ":") {
				d.c.field(name, fields[i].Value)
			}
		}
		return d.c.writeHead(d.id, d.c.block.Bytes(), true)
	})
	d.finish()
	return err
}

// await waits until some of n bytes may be sent.
func (d *sender) await(n int) (take int, err error) {
	stalled := time.Time{}
	if d.stall > 0 {
		stalled = time.Now().Add(d.stall)
	}
	for {
		final := false
		err := d.wait(d.change, limits{until: time.Now().Add(stallCheck)}, func() bool {
			final = d.final
			if d.err != nil || d.ended {
				return true
			}
			take = d.quota(n)
			return take > 0 || n == 0
		})
		switch now := time.Now(); {
		case err == nil && take == 0 && n > 0:
			return 0, errStopped
		case err == nil:
			return take, nil
		case final && d.duplex: // it reads when it likes
		case final:
			return 0, errStopped
		case !stalled.IsZero() && !now.Before(stalled), !d.until.IsZero() && !now.Before(d.until):
			return 0, os.ErrDeadlineExceeded
		}
	}
}
