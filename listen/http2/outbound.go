package http2

import (
	"encoding/binary"
	"net"
	"sync"
	"time"
)

// codeBytes is where the code of an error ends in a frame: of RST_STREAM, and of GOAWAY behind the stream.
const codeBytes = headBytes + 8

// outbound are the frames of the server, on their way to the client.
type outbound struct {
	mu   sync.Mutex
	shut bool
	seen [codeBytes]byte // the beginning of the frame at hand
	n    int             // bytes of it
	left int             // bytes of the frame behind those

	held   *[]byte // heads that were not written yet; nil: none
	behind bool    // the last frame was a head behind which a body comes at once
	late   *time.Timer
}

// A head and a body that is there already would be two writes of the server, each a record of TLS and a segment. The head
// waits for the body, but not for long: it may be that the client's window has no room for that.
const (
	holdTime  = time.Millisecond
	mostHeld  = 4 << 10
	heldBytes = 2 * mostHeld
)

var heldRoom = sync.Pool{New: func() any { b := make([]byte, 0, heldBytes); return &b }}

// write looks at frames and writes them.
func (o *outbound) write(c *conn, p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.shut {
		return 0, net.ErrClosed
	}
	o.behind = false
	o.scan(c, p)
	if o.behind && len(p) <= mostHeld && o.held == nil {
		o.hold(c, p)
		return len(p), nil
	}
	if o.held == nil {
		return c.Guest.Write(p)
	}
	if len(*o.held)+len(p) > heldBytes {
		if err := o.letGo(c); err != nil {
			return 0, err
		}
		return c.Guest.Write(p)
	}
	*o.held = append(*o.held, p...)
	if err := o.letGo(c); err != nil {
		return 0, err
	}
	return len(p), nil
}

// hold keeps a head for a moment.
func (o *outbound) hold(c *conn, p []byte) {
	o.held = heldRoom.Get().(*[]byte)
	*o.held = append((*o.held)[:0], p...)
	if o.late == nil {
		o.late = time.AfterFunc(holdTime, func() { o.overdue(c) })
	} else {
		o.late.Reset(holdTime)
	}
}

// overdue writes what was held in vain.
func (o *outbound) overdue(c *conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.held != nil && !o.shut {
		_ = o.letGo(c) // if it fails, so will the next write
	}
}

// letGo writes what is held.
func (o *outbound) letGo(c *conn) error {
	held := o.held
	o.held = nil
	o.late.Stop()
	_, err := c.Guest.Write(*held)
	heldRoom.Put(held)
	return err
}

// last writes a frame that is the last one, if it can stand between others.
func (o *outbound) last(c *conn, p []byte) {
	if !o.mu.TryLock() {
		return // the client takes nothing
	}
	defer o.mu.Unlock()
	if o.held != nil {
		_ = o.letGo(c)
	}
	if o.shut = true; o.n == 0 && o.left == 0 {
		_, _ = c.Guest.Write(p)
	}
}

// scan goes through frames.
func (o *outbound) scan(c *conn, p []byte) {
	for len(p) > 0 {
		if o.left > 0 {
			n := min(o.left, len(p))
			o.left -= n
			p = p[n:]
			continue
		}
		want := headBytes
		if o.n >= headBytes {
			want += min(len(o.seen)-headBytes, parseFrame(o.seen[:]).length)
		}
		n := copy(o.seen[o.n:want], p)
		o.n += n
		p = p[n:]
		if o.n < headBytes {
			continue
		}
		f := parseFrame(o.seen[:])
		if whole := headBytes + min(len(o.seen)-headBytes, f.length); o.n == whole {
			o.left = headBytes + f.length - whole
			o.n = 0
			o.frame(c, f)
		}
	}
}

// frame takes note of a frame, of which the beginning is in seen.
func (o *outbound) frame(c *conn, f frame) {
	switch f.kind {
	case frameData, frameHeaders:
		c.controls.earn(frameEarns)
		o.behind = c.follows(f)
		if st := c.stream(f.stream); st != nil && f.kind == frameData {
			st.sent.Add(int64(f.length))
		}
	case frameReset:
		o.reset(c, f)
	case frameGoAway:
		o.goAway(c, binary.BigEndian.Uint32(o.seen[headBytes+4:]))
	}
}

// goAway takes note that the server ends the connection.
func (o *outbound) goAway(c *conn, code uint32) {
	why := protocol
	switch code {
	case codeNone:
		return
	case codeCalm: // too many handlers work for streams that were reset
		why = resets
	}
	if c.ends.CompareAndSwap(nil, why) {
		go c.report(nil, why) // the server waits for this write
	}
}

// reset takes note of a stream that the server has reset. What it resets for want of interest in a body, or
// because the response has broken off, or since frames have crossed, is nothing to hold against the client.
func (o *outbound) reset(c *conn, f frame) {
	code := binary.BigEndian.Uint32(o.seen[headBytes:])
	if code == codeNone || code == codeClosed {
		c.left(f.stream)
		return
	}
	if c.reset(f.stream) && code != codeInternal && !c.resets.spend(1) {
		go c.end(resets) // the server waits for this write
	}
}
