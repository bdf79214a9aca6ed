//go:build unix

package file

import (
	"errors"
	"os"
	"syscall"
)

var errLocked = errors.New("another process writes to it")

// lock makes this process the only one that writes to the file. A file system without locks is no hindrance.
func lock(file *os.File) error {
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		return errLocked
	}
	return nil
}
