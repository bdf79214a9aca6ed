package http2

import (
	"errors"
	"io"
	"os"
	"sync/atomic"

	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/socket"
	"golang.org/x/net/http2/hpack"
)

const (
	prefaceBytes = 24
	// readBytes is what is read at once, but for the data of bodies.
	readBytes = 4 << 10
	// maxContinuations is how many frames a head may come in beside its first one. The head of no honest
	// client needs more than two.
	maxContinuations = 16
)

// waits is what is being waited for.
type waits uint8

const (
	forNothing waits = iota
	forFrame         // the next one
	forRest          // of a frame, or of a head
	forData          // of a frame with data
)

// inbound are the frames of the client, on their way to the server.
type inbound struct {
	buf  []byte // what was read and is not looked at: buf[r:n]
	r, n int

	ready []byte // frames of ours, for the server
	pass  int    // how many bytes go on as they came
	after []byte // frames of ours, behind those

	passes  waits          // what is waited for where bytes go on
	told    waits          // what the socket knows of
	decoder *hpack.Decoder // of all heads; it has a memory
	reader  headReader
	list    fieldList
	head    *block        // that has begun; nil: none
	highest atomic.Uint32 // stream so far
}

// block is a head, or trailers, as it comes in.
type block struct {
	frame     // the first one
	priority  [5]byte
	prioBytes int
	last      bool // frame
	left      int  // bytes of the frame at hand
	padding   int  // behind those
	frames    int  // beside the first
	encoded   int  // bytes so far
	fault     bool // it cannot be decoded
}

func (in *inbound) begin(c *conn) {
	o := &c.server.o
	in.buf = make([]byte, max(readBytes, len(c.Early)))
	in.n = copy(in.buf, c.Early)
	c.Early = nil
	in.pass, in.passes = prefaceBytes, forRest // the server wants to see it
	in.reader = headReader{most: o.Fields, targetBytes: o.TargetBytes}
	in.decoder = hpack.NewDecoder(4096, in.list.add)
	in.decoder.SetMaxStringLength(2 * listBytes(o))
}

// listBytes is how large a head may be, in the count of HTTP/2, which has more for each field.
func listBytes(o *Options) int { return o.HeadBytes + 10*fieldOverhead }

// read is what the server reads.
func (in *inbound) read(c *conn, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		switch {
		case len(in.ready) > 0:
			n := copy(p, in.ready)
			in.ready = in.ready[n:]
			return n, nil
		case in.pass > 0:
			n, err := in.passOn(c, p)
			return n, in.why(c, err)
		case len(in.after) > 0:
			in.ready, in.after = in.after, nil
		default:
			if err := in.step(c); err != nil {
				return 0, in.why(c, err)
			}
		}
	}
}

// passOn delivers bytes of a frame as they came.
func (in *inbound) passOn(c *conn, p []byte) (int, error) {
	p = p[:min(len(p), in.pass)]
	n := copy(p, in.buf[in.r:in.n])
	in.r += n
	if n == 0 {
		in.wait(c, in.passes)
		var err error
		if n, err = c.Guest.Read(p); n == 0 {
			return 0, err
		}
	}
	if in.pass -= n; in.pass == 0 {
		in.told = forNothing
	}
	return n, nil
}

// step looks at the next frame, or at more of a head.
func (in *inbound) step(c *conn) error {
	if in.head != nil && in.head.left+in.head.padding > 0 {
		return in.more(c)
	}
	if err := in.need(c, headBytes); err != nil {
		return err
	}
	f := parseFrame(in.buf[in.r:])
	if in.head != nil {
		return in.continued(c, f)
	}
	switch f.kind {
	case frameHeaders:
		return in.headers(c, f)
	case frameData:
		return in.data(c, f)
	case frameContinuation: // without a head; the server ends the connection
	case frameReset:
		if !in.wasReset(c, f.stream) {
			return c.ends.Load()
		}
	default:
		if !c.controls.spend(c.Sock.Now()) {
			return in.abuse(c, controlFrames)
		}
	}
	in.forward(f, forRest)
	return nil
}

// forward lets a frame go on as it is.
func (in *inbound) forward(f frame, waits waits) {
	in.told, in.passes = forNothing, waits
	in.pass = headBytes + f.length
	if f.length > maxFrame {
		in.pass = headBytes // which is all that the server looks at
	}
}

// skip takes n bytes that are not passed on.
func (in *inbound) skip(n int) { in.r += n }

// wasReset takes note that the client has reset a stream. It reports false if that was once too often.
func (in *inbound) wasReset(c *conn, id uint32) bool {
	switch {
	case c.reset(id):
		if !c.resets.spend(1) {
			c.end(resets)
			return false
		}
	case !c.controls.spend(c.Sock.Now()):
		c.end(controlFrames)
		return false
	}
	return true
}

// abuse ends the connection.
func (in *inbound) abuse(c *conn, why *listen.Violation) error {
	c.end(why)
	return why
}

// data looks at a frame of a body. Its length has to be the one that was announced.
func (in *inbound) data(c *conn, f frame) error {
	padding := 0
	if f.has(flagPadded) && f.length > 0 {
		if err := in.need(c, headBytes+1); err != nil {
			return err
		}
		padding = 1 + int(in.buf[in.r+headBytes])
	}
	n := max(f.length-padding, 0)
	if n == 0 && !f.has(flagEndStream) && !c.controls.spend(c.Sock.Now()) {
		return in.abuse(c, controlFrames)
	}
	st := c.stream(f.stream)
	if st == nil {
		in.forward(f, forData)
		return nil
	}
	st.got += int64(n)
	if !c.arrived(st, n) {
		return in.abuse(c, unread)
	}
	announced := int64(st.request.Body.Length)
	switch {
	case announced < 0:
	case st.got > announced: // the server resets the stream
		st.broken.CompareAndSwap(nil, bodyLength)
	case f.has(flagEndStream) && st.got < announced:
		st.broken.CompareAndSwap(nil, bodyLength)
		in.skip(headBytes)
		f.flags &^= flagEndStream
		in.forward(f, forData)
		in.ready, in.pass = f.append(in.ready[:0]), f.length
		in.after = appendMalformed(nil, frame{stream: f.stream}, nil)
		return nil
	}
	in.forward(f, forData)
	return nil
}

// need has n bytes there to be looked at.
func (in *inbound) need(c *conn, n int) error {
	for in.n-in.r < n {
		if err := in.fill(c); err != nil {
			return err
		}
	}
	return nil
}

// fill reads more.
func (in *inbound) fill(c *conn) error {
	if in.r == in.n {
		in.r, in.n = 0, 0
	} else if in.n == len(in.buf) {
		in.n = copy(in.buf, in.buf[in.r:in.n])
		in.r = 0
	}
	waits := forRest
	if in.head == nil && in.n == in.r {
		waits = forFrame
	}
	in.wait(c, waits)
	n, err := c.Guest.Read(in.buf[in.n:])
	in.n += n
	if n > 0 {
		return nil
	}
	return err
}

// wait says to the socket how long may be waited.
func (in *inbound) wait(c *conn, waits waits) {
	if waits == in.told {
		return
	}
	o := &c.server.o
	now := c.Sock.Now()
	switch in.told = waits; waits {
	case forFrame:
		c.Sock.ReadBy(now, socket.Never)
	case forRest:
		c.Sock.ReadBy(now, now.After(o.HeadTimeout))
	case forData:
		c.Sock.PaceReads(o.BodyTimeout, o.BodyRate)
	}
}

// why is the error of a read that fails.
func (in *inbound) why(c *conn, err error) error {
	if err == nil {
		return nil
	}
	if v := c.ends.Load(); v != nil {
		return v
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && !c.Sock.Closed() {
		switch {
		case in.told != forData:
			return in.abuse(c, headTimeout)
		case c.Sock.Silent():
			return in.abuse(c, bodyTimeout)
		}
		return in.abuse(c, bodyRate)
	}
	if errors.Is(err, socket.ErrInterrupted) {
		return io.EOF
	}
	return err
}
