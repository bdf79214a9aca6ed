package http1

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http/httputil"
	"net/netip"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/wire"
)

// Read reads a request as a connection would that brings these bytes and comes from there. An error is a
// [*listen.Violation], or one of the library that parses.
func Read(raw []byte, from netip.AddrPort, o wire.Options) (*message.Request, error) {
	conn, err := wire.Listen(&replay{raw: bytes.NewReader(raw), from: from}, o).Accept()
	if err != nil {
		return nil, err
	}
	c := client{conn: conn.(*wire.Conn)}
	in := bufio.NewReaderSize(conn, max(o.HeadBytes, len(raw))+1024)
	var h fasthttp.RequestHeader
	if err := h.Read(in); err != nil {
		return nil, c.reason(err)
	}
	r := new(message.Request)
	fill(r, &h, nil)
	r.Peer, r.Local = addrPort(conn.RemoteAddr()), addrPort(conn.LocalAddr())
	switch n := r.Body.Length; {
	case n > 0:
		r.Body.Stream = &body{r: io.LimitReader(in, int64(n)), client: &c}
	case n == -1:
		r.Body.Stream = &body{r: httputil.NewChunkedReader(in), client: &c}
	}
	return r, nil
}

// replay is a listener with one connection, whose client sends raw and reads nothing.
type replay struct {
	net.Conn // nil: what is not below is not asked of it
	raw      *bytes.Reader
	from     netip.AddrPort
}

func (r *replay) Accept() (net.Conn, error)        { return r, nil }
func (r *replay) Addr() net.Addr                   { return &net.TCPAddr{} }
func (r *replay) Close() error                     { return nil }
func (r *replay) Read(p []byte) (int, error)       { return r.raw.Read(p) }
func (r *replay) RemoteAddr() net.Addr             { return net.TCPAddrFromAddrPort(r.from) }
func (r *replay) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (r *replay) SetReadDeadline(time.Time) error  { return nil }
func (r *replay) SetWriteDeadline(time.Time) error { return nil }
