package syslog

import (
	"net"

	"golang.org/x/sys/unix"
)

const established = 1 // the state of a connection that neither side has ended, in tcp_info

// arrived tells whether the other end has acknowledged all that was written. The queue is looked at before the
// state: a connection that is reset loses its queue, and has another state then.
func (c *connection) arrived() (bool, error) {
	tcp, ok := c.raw.(*net.TCPConn)
	if !ok {
		return true, nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return false, err
	}
	var queued int
	var state uint8
	var failed error
	err = raw.Control(func(fd uintptr) {
		if queued, failed = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ); failed != nil {
			return
		}
		var info *unix.TCPInfo
		if info, failed = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); failed == nil {
			state = info.State
		}
	})
	switch {
	case err != nil:
		return false, err
	case failed != nil:
		return false, failed
	case state != established:
		return false, errOver
	}
	return queued == 0, nil
}
