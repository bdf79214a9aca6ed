package wire

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"testing"
)

func binaryHeader(command, family byte, addresses string) string {
	b := append([]byte("\r\n\r\n\x00\r\nQUIT\n"), command, family)
	b = binary.BigEndian.AppendUint16(b, uint16(len(addresses)))
	return string(b) + addresses
}

const (
	addresses4 = "\xc6\x33\x64\x07\xcb\x00\x71\x01\x30\x39\x00\x50"                                                                                                 // 198.51.100.7:12345, 203.0.113.1:80
	addresses6 = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x30\x39\x00\x50" // [2001:db8::7]:12345
)

// The clients of proxied connections are those of the header, in limits too.
func TestProxyProtocol(t *testing.T) {
	const v1 = "PROXY TCP4 198.51.100.7 203.0.113.1 12345 80\r\n"
	f := func(name string, trusted bool, sent string, size int, wantRead, wantClient string, wantRefused ...string) {
		t.Run(name, func(t *testing.T) {
			var r refusals
			o := timed()
			o.ProxyProtocol, o.Refused = true, r.add
			if trusted {
				o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
			}
			c := accepted(o, &script{pieces: cut([]byte(sent), size)})
			got, err := readUntil(c)
			if got != wantRead || c.Violation() == nil && err != io.EOF {
				t.Errorf("read %q, %v", got, err)
			}
			client := c.RemoteAddr().(*net.TCPAddr).AddrPort()
			if netip.AddrPortFrom(client.Addr().Unmap(), client.Port()).String() != wantClient {
				t.Errorf("client %s", client)
			}
			expectRefusals(t, &r, wantRefused...)
		})
	}
	const peer, client = "192.0.2.1:1234", "198.51.100.7:12345"
	for name, size := range map[string]int{"at once": 10000, "byte by byte": 1} {
		f(name+"/version 1", true, v1+plain+plain, size, plain+plain, client)
		f(name+"/version 2", true, binaryHeader(0x21, 0x11, addresses4)+plain, size, plain, client)
		f(name+"/version 2, IPv6", true, binaryHeader(0x21, 0x21, addresses6)+plain, size, plain, "[2001:db8::7]:12345")
		f(name+"/local", true, binaryHeader(0x20, 0, "")+plain, size, plain, peer)
		f(name+"/header only", true, v1, size, "", client)
		f(name+"/nothing", true, "", size, "", peer)
		f(name+"/two headers", true, v1+v1, size, "", client)
		f(name+"/missing", true, plain, size, "", peer, "proxy_protocol_missing 192.0.2.1")
		f(name+"/malformed", true, "PROXY TCP4 a b c d\r\n"+plain, size, "", peer, "proxy_protocol_malformed 192.0.2.1")
		f(name+"/truncated", true, v1[:20], size, "", peer, "proxy_protocol_malformed 192.0.2.1")
		f(name+"/untrusted without", false, plain, size, plain, peer)
		f(name+"/untrusted with version 1", false, v1+plain, size, "", peer, "proxy_protocol_untrusted 192.0.2.1")
		f(name+"/untrusted with version 2", false, binaryHeader(0x21, 0x11, addresses4)+plain, size, "", peer, "proxy_protocol_untrusted 192.0.2.1")
		f(name+"/untrusted, a method like the header", false, "PROPFIND / HTTP/1.1\r\nHost: h\r\n\r\n", size, "PROPFIND / HTTP/1.1\r\nHost: h\r\n\r\n", peer)
		f(name+"/untrusted, truncated", false, "PRO", size, "", peer)
	}
}

func TestProxyProtocolServer(t *testing.T) {
	var r refusals
	o := timed()
	o.ProxyProtocol, o.Refused, o.ConnectionsPerClient = true, r.add, 1
	o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	s := serveHTTP(t, o, echo)
	if got := s.talk("PROXY TCP6 2001:db8:2::7 2001:db8::1 12345 80\r\n" + plain); got != "200:/ 0" {
		t.Errorf("got %s", got)
	}
	first := s.dial() // of another network: the connection before may not have ended yet
	_, _ = io.WriteString(first, "PROXY TCP6 2001:db8::7 2001:db8::1 12345 80\r\n"+plain)
	if _, err := first.Read(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if got := s.talk("PROXY TCP6 2001:db8::8 2001:db8::1 12345 80\r\n" + plain); got != "429:" {
		t.Errorf("another address of the same /64: %s", got)
	}
	expectRefusals(t, &r, "connections_per_client 2001:db8::8")
	if got := s.talk("PROXY TCP6 2001:db8:1::8 2001:db8::1 12345 80\r\n" + plain); got != "200:/ 0" {
		t.Errorf("another network: %s", got)
	}
	if got := s.talk(plain); got != "" {
		t.Errorf("no header: %s", got)
	}
	expectRefusals(t, &r, "proxy_protocol_missing 127.0.0.1")
}
