//go:build !unix

package wire

// Gone reports whether the connection is closed: of its client, nothing is known here.
func (c *Conn) Gone() bool { return c.closed.Load() }
