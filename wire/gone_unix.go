//go:build unix

package wire

import (
	"errors"
	"syscall"
	"time"
)

// Gone reports whether the client has left: whether it has reset the connection, or has closed its side
// with nothing left to read, and has waited since a time for longer than [Patience]. Who closes its side only says
// that it sends no more, and may wait for its answer. It looks and takes nothing, and may be called in any goroutine.
func (c *Conn) Gone(since time.Time) bool {
	if c.closed.Load() || c.reset.Load() {
		return true
	}
	patient := time.Since(since) < Patience
	sock, ok := c.sock.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sock.SyscallConn()
	if err != nil {
		return false
	}
	var gone bool
	err = raw.Control(func(fd uintptr) {
		var one [1]byte
		for {
			n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
			if errors.Is(err, syscall.EINTR) {
				continue
			}
			if err != nil && !errors.Is(err, syscall.EAGAIN) {
				c.reset.Store(true)
			}
			gone = c.reset.Load() || err == nil && n == 0 && !patient
			return
		}
	})
	return gone || err != nil
}
