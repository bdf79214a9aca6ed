//go:build unix

package hold

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// send sends a word, with a descriptor unless f is nil.
func send(c *net.UnixConn, word byte, f syscall.Conn) error {
	if f == nil {
		_, err := c.Write([]byte{word})
		return err
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var sendErr error
	err = raw.Control(func(fd uintptr) { // unlike File, it leaves the descriptor's mode alone
		_, _, sendErr = c.WriteMsgUnix([]byte{word}, syscall.UnixRights(int(fd)), nil)
	})
	return errors.Join(err, sendErr)
}

// receive reads a word, and the descriptor that came with it, if one did.
func receive(c *net.UnixConn) (word byte, f *os.File, err error) {
	text, rights := make([]byte, 1), make([]byte, syscall.CmsgSpace(4))
	n, m, _, _, err := c.ReadMsgUnix(text, rights)
	if err != nil {
		return 0, nil, err
	}
	if n == 0 {
		return 0, nil, net.ErrClosed
	}
	if m == 0 {
		return text[0], nil, nil
	}
	messages, err := syscall.ParseSocketControlMessage(rights[:m])
	if err != nil {
		return 0, nil, fmt.Errorf("receive descriptor: %w", err)
	}
	for i := range messages {
		fds, err := syscall.ParseUnixRights(&messages[i])
		if err != nil || len(fds) != 1 {
			return 0, nil, fmt.Errorf("receive descriptor: %d, %w", len(fds), err)
		}
		f = os.NewFile(uintptr(fds[0]), "listener")
	}
	return text[0], f, nil
}
