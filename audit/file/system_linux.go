package file

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// born is when a file was made, or written last on a file system that does not know.
func born(file *os.File) time.Time {
	var s unix.Statx_t
	err := unix.Statx(int(file.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_BTIME, &s)
	if err == nil && s.Mask&unix.STATX_BTIME != 0 {
		return time.Unix(s.Btime.Sec, int64(s.Btime.Nsec))
	}
	return written(file)
}
