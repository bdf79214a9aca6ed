//go:build unix

package socket

import (
	"errors"
	"net"
	"syscall"
	"time"
)

// look is what a connection needs to look at what has arrived without taking it. It is made once,
// so that looking before each reuse of a connection allocates nothing.
type look struct {
	raw   syscall.RawConn
	probe func(fd uintptr)
	n     int
	err   error
	buf   [len("HTTP/1.1 2")]byte
}

// Watch prepares for Quiet and Waiting. It fails for a connection that is no socket.
func (c *Conn) Watch() error {
	sc, ok := c.raw.(syscall.Conn)
	if !ok {
		return errors.New("connection without a file descriptor")
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	k := &look{raw: raw}
	k.probe = func(fd uintptr) { k.n, k.err = peek(fd, k.buf[:]) }
	c.looks = k
	return nil
}

// Quiet reports whether the socket holds neither data nor an end nor an error.
func (c *Conn) Quiet() bool {
	// Control, not Read: a deadline left over from before does not matter.
	err := c.looks.raw.Control(c.looks.probe)
	return err == nil && errors.Is(c.looks.err, syscall.EAGAIN)
}

// Waiting returns the first few bytes that are waiting to be read, until it is called again.
func (c *Conn) Waiting() []byte {
	if err := c.looks.raw.Control(c.looks.probe); err != nil || c.looks.err != nil {
		return nil
	}
	return c.looks.buf[:c.looks.n]
}

// Gone reports whether the peer has left: whether it has reset the connection, or has closed its side
// with nothing left to read, and has waited since a time for longer than [Patience]. Who closes its side only says
// that it sends no more, and may wait for its response. It looks and takes nothing, and may be called in any goroutine.
func (c *Conn) Gone(since time.Time) bool {
	if c.closed.Load() || c.reset.Load() {
		return true
	}
	n, err := c.glance()
	switch {
	case err == nil:
		return c.reset.Load() || (n == 0 || c.sealed.Load() && c.saidGoodbye()) && time.Since(since) >= Patience
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, errNoSocket):
		return c.reset.Load()
	case !errors.Is(err, net.ErrClosed): // by this side
		c.reset.Store(true)
	}
	return true
}

// unread reports whether something has arrived that nobody has read.
func (c *Conn) unread() bool {
	n, err := c.glance()
	return err == nil && n > 0
}

// mostGoodbye is the largest record in which a peer says that it closes: its head, an alert, and what encrypts it.
const mostGoodbye = 5 + 2 + 16 + 24

// saidGoodbye reports whether all that waits is one small record of TLS, with the end behind it: whoever closes a
// sealed connection says so on it first.
func (c *Conn) saidGoodbye() bool {
	sock, ok := c.raw.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sock.SyscallConn()
	if err != nil {
		return false
	}
	said := false
	_ = raw.Control(func(fd uintptr) { // fails on a closed socket only
		var b [mostGoodbye + 1]byte
		n, err := peek(fd, b[:])
		said = err == nil && n > 5 && n <= mostGoodbye && n == 5+int(b[3])<<8+int(b[4]) && halfClosed(fd)
	})
	return said
}

// errNoSocket is what a glance at another kind of connection says.
var errNoSocket = errors.New("no socket")

// glance returns how many bytes wait to be read, at most one; none without an error is an end. It
// takes nothing, and may be called in any goroutine.
func (c *Conn) glance() (n int, err error) {
	sock, ok := c.raw.(syscall.Conn)
	if !ok {
		return 0, errNoSocket
	}
	raw, err := sock.SyscallConn()
	if err != nil {
		return 0, errNoSocket
	}
	closed := raw.Control(func(fd uintptr) {
		var one [1]byte
		n, err = peek(fd, one[:])
	})
	if closed != nil {
		return 0, closed
	}
	return n, err
}

func peek(fd uintptr, b []byte) (int, error) {
	for {
		n, _, err := syscall.Recvfrom(int(fd), b, syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		if !errors.Is(err, syscall.EINTR) {
			return n, err
		}
	}
}
