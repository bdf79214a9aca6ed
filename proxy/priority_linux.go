package proxy

import "golang.org/x/sys/unix"

// niceness leaves an inspection a quarter of a core that traffic wants for itself: it must not
// starve, since some of what is inspected is harmless.
const niceness = 5

// lowerPriority makes the calling thread one that waits while others want to run.
func lowerPriority() {
	thread := unix.Gettid()
	if p, err := unix.Getpriority(unix.PRIO_PROCESS, thread); err == nil && p > 20-niceness { // 20 minus its niceness
		_ = unix.Setpriority(unix.PRIO_PROCESS, thread, niceness) // forbidden: no worse than without
	}
}
