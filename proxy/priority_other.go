//go:build !linux

package proxy

// lowerPriority does nothing where a thread has no priority of its own.
func lowerPriority() {}
