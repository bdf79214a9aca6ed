package syslog

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"
)

// connection is one to the server, which says nothing on it.
type connection struct {
	net.Conn               // where messages are written
	raw      net.Conn      // the same, below TLS
	over     chan struct{} // closed at its end
	why      error         // then
}

// mostSaid is what is listened to of a server.
const mostSaid = 64 << 10

var (
	errOver   = errors.New("the server has ended the connection") // or reset it
	errSpeaks = errors.New("the server speaks, which no syslog server does")
)

// secure puts TLS on the connection.
func (c *connection) secure(ctx context.Context, o *Options) error {
	config := o.Remote.Config()
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName, _, _ = net.SplitHostPort(o.Address)
	}
	secured := tls.Client(c.raw, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		return err
	}
	c.Conn = secured
	return nil
}

// watch notices the end of the connection. A server that has ended it would otherwise be sent one more batch,
// which its system may take, and throws away.
func (c *connection) watch() {
	c.over = make(chan struct{})
	go func() {
		c.why = c.listen()
		close(c.over)
		if errors.Is(c.why, errSpeaks) {
			_ = c.raw.Close()
		}
	}()
}

// listen reads what the server says, until it is over or too much.
func (c *connection) listen() error {
	var buf [512]byte
	for said := 0; said < mostSaid; {
		n, err := c.Read(buf[:])
		if err != nil {
			return errOver
		}
		said += n
	}
	return errSpeaks // reading it all would take all the time that there is
}

const (
	firstLook = time.Millisecond // whether a batch has arrived
	lastLook  = 100 * time.Millisecond
)

// until has writes end with a context, until it is undone.
func (c *connection) until(ctx context.Context) (undo func() bool) {
	deadline, _ := ctx.Deadline()
	_ = c.SetWriteDeadline(deadline) // fails if it is closed, and then so does the write
	return context.AfterFunc(ctx, func() { _ = c.SetWriteDeadline(time.Unix(1, 0)) })
}

// send writes bytes, and returns when the system at the other end has taken all of them.
func (c *connection) send(ctx context.Context, b []byte) error {
	defer c.until(ctx)()
	select {
	case <-c.over:
		return c.why
	default:
	}
	if _, err := c.Write(b); err != nil {
		return c.reason(err)
	}
	for look := firstLook; ; look = min(2*look, lastLook) {
		arrived, err := c.arrived()
		if arrived || err != nil {
			return c.reason(err)
		}
		timer := time.NewTimer(look)
		select {
		case <-timer.C:
		case <-c.over:
			err = c.why
		case <-ctx.Done():
			err = ctx.Err()
		}
		timer.Stop()
		if err != nil {
			return err
		}
	}
}

// reason is why the connection is over, if it is and that is known, in place of what is seen of it.
func (c *connection) reason(seen error) error {
	select {
	case <-c.over:
		if seen != nil {
			return c.why
		}
	default:
	}
	return seen
}

// close ends the connection, and waits for who watches it.
func (c *connection) close() {
	_ = c.raw.Close()
	if c.over != nil {
		<-c.over
	}
}
