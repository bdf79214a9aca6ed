package socket

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// The PROXY protocol (haproxy's doc/proxy-protocol.txt): a load balancer that passes TCP on
// says in front of it whose connection it is.
const (
	proxyText     = "PROXY "                  // version 1
	proxyBinary   = "\r\n\r\n\x00\r\nQUIT\n"  // version 2
	maxProxyText  = 107                       // version 1, CRLF included
	proxyFixed    = len(proxyBinary) + 4      // version 2, before the addresses
	maxProxyExtra = prefaceBytes - proxyFixed // addresses and TLVs
	proxyTCP4     = byte(0x11)                // family and transport
	proxyTCP6     = byte(0x21)
)

// Whether bytes begin with a PROXY header.
type proxyVerdict uint8

const (
	proxyMore proxyVerdict = iota // too few bytes to tell
	proxyNone
	proxyFound
	proxyBad
)

// proxyHeader reads the header that b may begin with, and returns its size and the client.
// The client is invalid if the header leaves it open: a health check of the load balancer
// itself, or a protocol that is not TCP over IP.
func proxyHeader(b []byte) (size int, client netip.AddrPort, verdict proxyVerdict) {
	switch {
	case startsWith(b, proxyText):
		return proxyHeaderText(b)
	case startsWith(b, proxyBinary):
		return proxyHeaderBinary(b)
	}
	return 0, client, proxyNone
}

// startsWith compares as far as there are bytes.
func startsWith(b []byte, magic string) bool {
	n := min(len(b), len(magic))
	return string(b[:n]) == magic[:n]
}

func proxyHeaderText(b []byte) (size int, client netip.AddrPort, verdict proxyVerdict) {
	i := bytes.IndexByte(b[:min(len(b), maxProxyText)], '\n')
	if i < 0 {
		if len(b) >= maxProxyText {
			return 0, client, proxyBad
		}
		return 0, client, proxyMore
	}
	line, ok := strings.CutSuffix(string(b[len(proxyText):i]), "\r")
	if !ok {
		return 0, client, proxyBad
	}
	words := strings.Split(line, " ")
	if words[0] == "UNKNOWN" { // the rest of the line does not matter
		return i + 1, client, proxyFound
	}
	if len(words) != 5 {
		return 0, client, proxyBad
	}
	from, ok1 := proxyEndpoint(words[0], words[1], words[3])
	_, ok2 := proxyEndpoint(words[0], words[2], words[4])
	if !ok1 || !ok2 {
		return 0, client, proxyBad
	}
	return i + 1, from, proxyFound
}

func proxyEndpoint(family, address, port string) (netip.AddrPort, bool) {
	a, err := netip.ParseAddr(address)
	if err != nil || a.Zone() != "" || family != "TCP4" && family != "TCP6" || a.Is4() != (family == "TCP4") {
		return netip.AddrPort{}, false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || port != strconv.FormatUint(n, 10) {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), true
}

func proxyHeaderBinary(b []byte) (size int, client netip.AddrPort, verdict proxyVerdict) {
	if len(b) < proxyFixed {
		return 0, client, proxyMore
	}
	command, family := b[len(proxyBinary)], b[len(proxyBinary)+1]
	extra := int(binary.BigEndian.Uint16(b[len(proxyBinary)+2:]))
	if command != 0x20 && command != 0x21 || extra > maxProxyExtra {
		return 0, client, proxyBad
	}
	size = proxyFixed + extra
	if len(b) < size {
		return 0, client, proxyMore
	}
	if command == 0x20 { // LOCAL: the load balancer itself
		return size, client, proxyFound
	}
	// Two addresses, then two ports.
	addresses := b[proxyFixed:size]
	var from netip.Addr
	var width int
	switch family {
	case proxyTCP4:
		width = 4
	case proxyTCP6:
		width = 16
	case 0x00, 0x31: // unspecified, or a Unix socket
		return size, client, proxyFound
	default:
		return 0, client, proxyBad
	}
	if len(addresses) < 2*width+4 {
		return 0, client, proxyBad
	}
	from, _ = netip.AddrFromSlice(addresses[:width])
	return size, netip.AddrPortFrom(from.Unmap(), binary.BigEndian.Uint16(addresses[2*width:])), proxyFound
}

// prefaceBytes is what is read at most to find a header.
const prefaceBytes = 4 << 10

// preface is what a connection begins with. It is held only until what came behind the header, or
// was none, is delivered.
type preface struct {
	b        [prefaceBytes]byte
	from, to int
}

// readProxyHeader finds out about the client before its first byte is delivered. If it is not let
// in, whoever reads sees a connection that ended before anything came.
func (c *Conn) readProxyHeader() error {
	c.proxied = false
	trusted := c.trusted()
	pre := buffers.Get().(*preface)
	pre.from, pre.to = 0, 0
	for {
		b := pre.b[:pre.to]
		size, client, verdict := proxyHeader(b)
		if verdict == proxyMore {
			n, err := c.read(pre.b[pre.to:])
			pre.to += n
			switch {
			case n > 0:
				continue
			case len(b) == 0: // a health check, or nothing at all
				buffers.Put(pre)
				if c.refused = !c.closed.Load(); c.refused {
					return io.EOF
				}
				return err
			}
			// What came is no header, so it may be the beginning of a request.
			verdict = proxyBad
			if !trusted {
				verdict = proxyNone
			}
		}
		reason := ""
		switch {
		case verdict == proxyNone && trusted:
			reason = refusedNoProxy
		case verdict == proxyNone:
			reason = c.arrived()
		case !trusted:
			reason = refusedUntrusted
		case verdict == proxyFound:
			pre.from = size
			if client.IsValid() {
				c.remote = net.TCPAddrFromAddrPort(client)
			}
			reason = c.arrived()
		default:
			reason = refusedMalformed
		}
		if reason != "" || pre.from == pre.to {
			buffers.Put(pre)
		} else {
			c.early = pre
		}
		if reason != "" {
			return c.refuse(reason)
		}
		return nil
	}
}

// takeEarly delivers what came behind the header.
func (c *Conn) takeEarly(p []byte) (int, error) {
	n := copy(p, c.early.b[c.early.from:c.early.to])
	if c.early.from += n; c.early.from == c.early.to {
		buffers.Put(c.early)
		c.early = nil
	}
	return n, nil
}

func (c *Conn) trusted() bool {
	for _, p := range c.l.o.TrustedProxies {
		if p.Contains(c.peer.Addr()) {
			return true
		}
	}
	return false
}

// arrived counts the connection among those of its client, or says why not.
func (c *Conn) arrived() (refused string) {
	if c.l.enter(c, c.client()) {
		return ""
	}
	_, _ = c.Write([]byte(c.l.o.TooMany))
	return refusedPerClient
}

func (c *Conn) client() netip.Addr {
	if tcp, ok := c.remote.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// refuse makes the connection end without a word.
func (c *Conn) refuse(reason string) error {
	c.l.o.Refused(reason, c.client())
	c.refused = true
	c.lingers.Store(true)
	return io.EOF
}
