package socket

import (
	"encoding/binary"
	"syscall"
)

// closeWait is the state of a connection whose peer has closed its side (TCP_CLOSE_WAIT).
const closeWait = 8

// halfClosed reports whether the peer has closed its side, also if there is something left to read before that.
func halfClosed(fd uintptr) bool {
	info, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_INFO)
	var first [4]byte // bytes of it, of which the state is one
	binary.NativeEndian.PutUint32(first[:], uint32(info))
	return err == nil && first[0] == closeWait
}
