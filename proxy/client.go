package proxy

import (
	"net"
	"net/netip"
	"strings"

	"github.com/google/uuid"
	"github.com/valyala/fasthttp"
)

// identify finds out whom v is from. Forwarding fields are believed only from trusted
// peers, and then from the right: each proxy appends the address it saw, so the
// right-most one that is not itself a trusted proxy is the first that nobody could forge.
func (v *view) identify(ctx *fasthttp.RequestCtx, trusted []netip.Prefix) {
	v.peer = addrPort(ctx.RemoteAddr())
	v.client = v.peer.Addr()
	v.trusted = within(v.client, trusted)
	if !v.trusted {
		return
	}
	for i := len(v.headers) - 1; i >= 0; i-- {
		if h := &v.headers[i]; !strings.EqualFold(h.Name, "X-Forwarded-For") {
			continue
		}
		hops := v.headers[i].Value
		for hops != "" {
			var hop string
			if j := strings.LastIndexByte(hops, ','); j >= 0 {
				hops, hop = hops[:j], hops[j+1:]
			} else {
				hops, hop = "", hops
			}
			a, ok := parseHop(strings.Trim(hop, " \t"))
			if !ok {
				return // beyond this nothing can be believed
			}
			v.client = a
			if !within(a, trusted) {
				return
			}
		}
	}
}

// parseHop reads an address, with or without port, with or without brackets.
func parseHop(s string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Unmap().WithZone(""), true
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	if len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']' {
		if a, err := netip.ParseAddr(s[1 : len(s)-1]); err == nil {
			return a.Unmap().WithZone(""), true
		}
	}
	return netip.Addr{}, false
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}

func within(a netip.Addr, networks []netip.Prefix) bool {
	for _, n := range networks {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

const requestIDField = "X-Request-Id"

// requestID is what a trusted proxy gave the request, or a new UUIDv7, which sorts by time.
func (v *view) requestID() string {
	if v.trusted {
		if id := v.get(requestIDField); validRequestID(id) {
			return id
		}
	}
	return newRequestID()
}

func newRequestID() string {
	return uuid.Must(uuid.NewV7()).String()
}

// validRequestID keeps ids out that would not survive a log line or a page.
func validRequestID(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && strings.IndexByte("-_.:+/=", c) < 0 {
			return false
		}
	}
	return true
}
