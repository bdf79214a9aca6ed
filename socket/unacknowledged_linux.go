package socket

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Unacknowledged is how many of the bytes that were written last the peer's side has not said it has, also when
// the connection has ended; -1: nobody knows.
func (c *Conn) Unacknowledged() int {
	sc, ok := c.raw.(syscall.Conn)
	if !ok {
		return -1
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return -1
	}
	n := -1
	err = raw.Control(func(fd uintptr) {
		if left, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ); err == nil {
			n = left
		}
	})
	if err != nil {
		return -1
	}
	return n
}
