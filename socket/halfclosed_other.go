//go:build unix && !linux

package socket

// halfClosed cannot be told here while there is something left to read.
func halfClosed(uintptr) bool { return false }
