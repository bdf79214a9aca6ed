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
	net.Conn          // where messages are written
	raw      net.Conn // the same, below TLS
	over     chan struct{}
}

// errOver is of a connection that the server has ended, or reset.
var errOver = errors.New("the server has ended the connection")

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
		defer close(c.over)
		var buf [512]byte
		for {
			if _, err := c.Read(buf[:]); err != nil {
				return
			}
		}
	}()
}

const (
	firstLook = time.Millisecond // whether a batch has arrived
	lastLook  = 100 * time.Millisecond
)

// send writes bytes, and returns when the system at the other end has taken all of them.
func (c *connection) send(ctx context.Context, b []byte) error {
	if deadline, ok := ctx.Deadline(); ok {
		_ = c.SetWriteDeadline(deadline) // fails if it is closed, and then so does the write
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	select {
	case <-c.over:
		return errOver
	default:
	}
	if _, err := c.Write(b); err != nil {
		return err
	}
	for look := firstLook; ; look = min(2*look, lastLook) {
		arrived, err := c.arrived()
		if arrived || err != nil {
			return err
		}
		timer := time.NewTimer(look)
		select {
		case <-timer.C:
		case <-c.over:
			err = errOver
		case <-ctx.Done():
			err = ctx.Err()
		}
		timer.Stop()
		if err != nil {
			return err
		}
	}
}

// close ends the connection, and waits for who watches it.
func (c *connection) close() {
	_ = c.raw.Close()
	if c.over != nil {
		<-c.over
	}
}
