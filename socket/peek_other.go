//go:build !unix

package socket

import (
	"errors"
	"time"
)

type look struct{}

// Watch fails: what waits on a socket is not known here.
func (c *Conn) Watch() error { return errors.ErrUnsupported }

// Quiet is never known here.
func (c *Conn) Quiet() bool { return false }

// Waiting is never known here.
func (c *Conn) Waiting() []byte { return nil }

// Gone reports whether the connection is closed: of its peer, nothing is known here.
func (c *Conn) Gone(time.Time) bool { return c.closed.Load() }

// unread is never known here.
func (c *Conn) unread() bool { return false }
