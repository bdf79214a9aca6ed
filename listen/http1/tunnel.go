package http1

import (
	"io"
	"net"

	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/wire"
)

// tunnel is a connection after its last response. It implements [listen.Tunnel]. What the server hands
// out has the bytes that it read ahead, but its Close does nothing until the function returns.
type tunnel struct {
	ahead io.Reader
	*wire.Conn
}

func (t *tunnel) Read(p []byte) (int, error) { return t.ahead.Read(p) }

// Switch implements [listen.Client]. The server would not run a function if writing the response failed,
// and nobody would close the other side of the tunnel: so the function writes it.
func (c *client) Switch(r *message.Response, run func(listen.Tunnel)) {
	c.status = r.Status
	conn, head := c.conn, appendHead(nil, r, c.server.dates.missing(r))
	conn.Pass()
	c.ctx.HijackSetNoResponse(true)
	c.ctx.Hijack(func(ahead net.Conn) {
		t := &tunnel{ahead, conn}
		if _, err := conn.Write(head); err != nil {
			_ = conn.Close()
		}
		run(t)
	})
}
