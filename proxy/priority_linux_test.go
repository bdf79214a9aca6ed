package proxy

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestBackgroundHasItsOwnPriority(t *testing.T) {
	before, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		t.Fatal(err)
	}
	inside := 0
	newBackground().run(func() { inside, err = unix.Getpriority(unix.PRIO_PROCESS, unix.Gettid()) })
	if err != nil {
		t.Fatal(err)
	}
	// The system call returns 20 minus the niceness; a process that is nicer stays as it is.
	if want := min(before, 20-niceness); inside != want {
		t.Errorf("priority %d inside, want %d", inside, want)
	}
	after, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil || after != before {
		t.Errorf("priority %d outside, %v, want %d", after, err, before)
	}
}
