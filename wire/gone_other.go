//go:build !unix

package wire

import "time"

// Gone reports whether the connection is closed: of its client, nothing is known here.
func (c *Conn) Gone(time.Time) bool { return c.closed.Load() }
