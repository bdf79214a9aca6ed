//go:build !linux

package socket

// Unacknowledged is how many of the bytes that were written last the peer's side has not said it has; -1: nobody
// knows, as here.
func (c *Conn) Unacknowledged() int { return -1 }
