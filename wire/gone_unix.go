//go:build unix

package wire

import (
	"errors"
	"syscall"
)

// Gone reports whether the client has closed its side of the connection, and has sent nothing that is
// still to be read. It looks and takes nothing, and may be called in any goroutine.
func (c *Conn) Gone() bool {
	if c.closed.Load() {
		return true
	}
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
			gone = n <= 0 && !errors.Is(err, syscall.EAGAIN)
			return
		}
	})
	return gone || err != nil
}
