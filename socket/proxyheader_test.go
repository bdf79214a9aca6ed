package socket

import (
	"encoding/binary"
	"strings"
	"testing"
)

const plain = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

func binaryHeader(command, family byte, addresses string) string {
	b := append([]byte(proxyBinary), command, family)
	b = binary.BigEndian.AppendUint16(b, uint16(len(addresses)))
	return string(b) + addresses
}

const (
	addresses4 = "\xc6\x33\x64\x07\xcb\x00\x71\x01\x30\x39\x00\x50"                                                                                                 // 198.51.100.7:12345, 203.0.113.1:80
	addresses6 = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x30\x39\x00\x50" // [2001:db8::7]:12345
)

func TestProxyHeader(t *testing.T) {
	f := func(header, want string) {
		t.Helper()
		for _, rest := range []string{"", plain, "\x00"} {
			size, client, verdict := proxyHeader([]byte(header + rest))
			got := client.String()
			switch {
			case verdict == proxyNone:
				got = "none"
			case verdict == proxyBad:
				got = "bad"
			case verdict == proxyMore:
				got = "more"
			case size != len(header):
				t.Errorf("%q: size %d, want %d", header, size, len(header))
			}
			if got != want && (want != "more" || rest == "") {
				t.Errorf("%q: %s, want %s", header+rest, got, want)
			}
		}
		if want == "bad" || want == "none" || want == "more" {
			return
		}
		for i := range header {
			if _, _, verdict := proxyHeader([]byte(header[:i])); verdict != proxyMore {
				t.Errorf("%q: verdict %d, want more", header[:i], verdict)
			}
		}
	}
	f("PROXY TCP4 198.51.100.7 203.0.113.1 12345 80\r\n", "198.51.100.7:12345")
	f("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255:65535")
	f("PROXY TCP6 2001:db8::7 2001:db8::1 12345 80\r\n", "[2001:db8::7]:12345")
	f("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535")
	f("PROXY TCP6 ::ffff:198.51.100.7 ::1 12345 80\r\n", "198.51.100.7:12345")
	f("PROXY UNKNOWN\r\n", "invalid AddrPort")
	f("PROXY UNKNOWN ffff::1 whatever 1 2\r\n", "invalid AddrPort")
	f("PROXY TCP4 198.51.100.7 203.0.113.1 12345 80\n", "bad")
	f("PROXY TCP4 198.51.100.7 203.0.113.1 12345\r\n", "bad")
	f("PROXY TCP4 198.51.100.7 203.0.113.1 12345 80 \r\n", "bad")
	f("PROXY  TCP4 198.51.100.7 203.0.113.1 12345 80\r\n", "bad")
	f("PROXY TCP4 198.51.100.7 203.0.113.1 12345 65536\r\n", "bad")
	f("PROXY TCP4 198.51.100.7 203.0.113.1 012345 80\r\n", "bad")
	f("PROXY TCP4 198.51.100.7 203.0.113.1 +12345 80\r\n", "bad")
	f("PROXY TCP4 198.51.100.07 203.0.113.1 12345 80\r\n", "bad")
	f("PROXY TCP4 2001:db8::7 2001:db8::1 12345 80\r\n", "bad")
	f("PROXY TCP6 198.51.100.7 203.0.113.1 12345 80\r\n", "bad")
	f("PROXY TCP6 fe80::7%eth0 2001:db8::1 12345 80\r\n", "bad")
	f("PROXY TCP4 198.51.100.7 203.0.113.x 12345 80\r\n", "bad")
	f("PROXY UDP4 198.51.100.7 203.0.113.1 12345 80\r\n", "bad")
	f("PROXY TCP5 198.51.100.7 203.0.113.1 12345 80\r\n", "bad")
	f("PROXY unknown\r\n", "bad")
	f("PROXY /a HTTP/1.1\r\n", "bad")
	f("PROXY UNKNOWN "+strings.Repeat("a", 91)+"\r\n", "invalid AddrPort")
	f("PROXY UNKNOWN "+strings.Repeat("a", 92)+"\r\n", "bad")
	f("PROXY "+strings.Repeat("a", 200), "bad")
	f("PROXY", "more")
	f("PROX", "more")
	f("GET / HTTP/1.1\r\n", "none")
	f("proxy TCP4", "none")
	f("\r\n\r\nGET", "none")

	f(binaryHeader(0x21, proxyTCP4, addresses4), "198.51.100.7:12345")
	f(binaryHeader(0x21, proxyTCP6, addresses6), "[2001:db8::7]:12345")
	f(binaryHeader(0x21, proxyTCP4, addresses4+"\x03\x00\x04abcd"), "198.51.100.7:12345")
	f(binaryHeader(0x21, proxyTCP4, addresses4+strings.Repeat("x", maxProxyExtra-len(addresses4))), "198.51.100.7:12345")
	f(binaryHeader(0x20, 0, ""), "invalid AddrPort")
	f(binaryHeader(0x20, proxyTCP4, addresses4), "invalid AddrPort")
	f(binaryHeader(0x21, 0, ""), "invalid AddrPort")
	f(binaryHeader(0x21, 0x31, strings.Repeat("\x00", 216)), "invalid AddrPort")
	f(binaryHeader(0x21, proxyTCP4, addresses4[:11]), "bad")
	f(binaryHeader(0x21, proxyTCP6, addresses4), "bad")
	f(binaryHeader(0x21, 0x12, addresses4), "bad")
	f(binaryHeader(0x11, proxyTCP4, addresses4), "bad")
	f(binaryHeader(0x22, proxyTCP4, addresses4), "bad")
	f(binaryHeader(0x31, proxyTCP4, addresses4), "bad")
	f(binaryHeader(0x21, proxyTCP4, strings.Repeat("x", maxProxyExtra+1)), "bad")
}

func FuzzProxyProtocol(f *testing.F) {
	for _, s := range []string{
		"PROXY TCP4 198.51.100.7 203.0.113.1 12345 80\r\n", "PROXY UNKNOWN\r\n", "PROXY TCP6 2001:db8::7 ::1 1 2\r\n", "PROXY",
		binaryHeader(0x21, proxyTCP4, addresses4), binaryHeader(0x21, proxyTCP6, addresses6), binaryHeader(0x20, 0, ""), plain,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		size, client, verdict := proxyHeader(b)
		switch verdict {
		case proxyFound:
			if size <= 0 || size > len(b) || size > prefaceBytes {
				t.Fatalf("%q: size %d", b, size)
			}
			// The header alone is the same header, and a part of it is none.
			if s, c, v := proxyHeader(b[:size]); s != size || c != client || v != proxyFound {
				t.Fatalf("%q alone: %d %s %d", b[:size], s, c, v)
			}
			for i := range size {
				if _, _, v := proxyHeader(b[:i]); v != proxyMore {
					t.Fatalf("%q: verdict %d", b[:i], v)
				}
			}
			if client.IsValid() && (client.Addr().Zone() != "" || client.Addr().Is4In6()) {
				t.Fatalf("%q: client %s", b, client)
			}
		case proxyMore:
			if len(b) >= prefaceBytes {
				t.Fatalf("more than %d bytes wanted", len(b))
			}
		default:
			// More bytes change nothing.
			if _, _, v := proxyHeader(append(append([]byte(nil), b...), "\r\n"...)); v != verdict {
				t.Fatalf("%q: verdict %d, then %d", b, verdict, v)
			}
		}
	})
}
