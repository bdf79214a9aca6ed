package http2

import (
	"net"
	"net/netip"
	"sync/atomic"

	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/message"
)

// stream is a request as it arrives.
type stream struct {
	conn    *conn
	id      uint32
	request message.Request
	refused *listen.Violation // its head

	got      int64                            // bytes of the body, for who reads the connection
	trailers message.Fields                   // there when the body has ended
	broken   atomic.Pointer[listen.Violation] // why nothing more of the body is read
	sent     atomic.Int64                     // bytes of the response's body that were written

	// guarded by conn.mu until the handler has it
	head             int // bytes that its fields take
	unread           int // bytes of its body that have come and nobody has read
	taken            bool
	over             bool // reset
	standing, before listen.Standing
}

// ends notes the two ends of the connection, and what TLS says of it.
func (st *stream) ends() {
	c := st.conn
	r := &st.request
	r.Peer, r.Local, r.Security = addrPort(c.Sock.RemoteAddr()), addrPort(c.Sock.LocalAddr()), c.Security
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}

// expects reports whether the client waits to be told to send the body.
func (st *stream) expects() bool { return st.request.Fields.Get("expect") != "" }
