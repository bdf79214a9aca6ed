package http1

import (
	"io"
	"net"

	"github.com/wafer-waf/wafer/message"
)

// respondUntilClose gives a response of unknown length to a client of HTTP/1.0, which knows no chunks: the
// end of the connection is the end of the body. The server knows chunks only, so the response is written
// here, as it comes.
func (c *client) respondUntilClose(r *message.Response) {
	c.response = stream{r: r.Body.Stream, client: c}
	head, conn, body := appendHead(nil, r, c.server.dates.missing(r), "Connection: close"), c.conn, &c.response
	c.ctx.HijackSetNoResponse(true)
	c.ctx.Hijack(func(net.Conn) { // the server closes the connection after it
		defer body.Close()
		conn.Begin() // who reads must not take a part for the whole
		if _, err := conn.Write(head); err != nil {
			return
		}
		if _, err := io.Copy(conn, body); err == nil {
			conn.End()
		}
	})
}
