package demo

import (
	"net"
	"net/netip"
)

// Example is a command worth trying and what it shows.
type Example struct {
	Title   string // one line, lower case, without a full stop
	Command string // for a POSIX shell, one line
}

// Curl returns the commands to try first, given the addresses of the traffic listener and of the
// admin listener, each host:port as they were configured. A listener on all interfaces is
// reached over loopback.
//
// The commands name the host in a field instead of the URL: not every resolver knows that
// *.localhost is loopback (RFC 6761).
func Curl(listen, admin string) []Example {
	listen, admin = dialable(listen), dialable(admin)
	const sqlInjection = "1%27%20OR%20%271%27%3D%271%27%20--%20" // 1' OR '1'='1' --
	return []Example{
		{
			Title:   "a clean page passes",
			Command: `curl -i -H 'Host: shop.localhost' 'http://` + listen + `/'`,
		},
		{
			Title:   "an SQL injection is blocked",
			Command: `curl -i -H 'Host: shop.localhost' 'http://` + listen + `/search?q=` + sqlInjection + `'`,
		},
		{
			Title: "a script inside JSON is blocked",
			Command: `curl -i -H 'Host: shop.localhost' -H 'Content-Type: application/json' ` +
				`-d '{"product":"mug","note":"<script>alert(1)</script>"}' 'http://` + listen + `/api/orders'`,
		},
		{
			Title:   "the same injection on a host that is only watched passes and is reported",
			Command: `curl -i -H 'Host: legacy.localhost' 'http://` + listen + `/item?id=` + sqlInjection + `'`,
		},
		{
			Title:   "what nobody has to ask for is not there, and costs no inspection",
			Command: `curl -i -H 'Host: shop.localhost' 'http://` + listen + `/.git/config'`,
		},
		{
			Title:   "what was counted",
			Command: `curl -s 'http://` + admin + `/metrics'`,
		},
	}
}

// dialable turns the address of a listener into one that a client on the same machine can use.
func dialable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
