package admin

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// ownHosts refuses requests for host names that are not the listener's. A browser that a foreign site has
// led here by a name of its own (DNS rebinding) takes it for that site, and lets its scripts read everything.
// Names that nobody can register are as good as addresses.
func ownHosts(more []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !ownHost(r.Host, more) {
			problem(w, http.StatusMisdirectedRequest, "host "+quoted(r.Host)+" is not one of the admin listener: list it in admin_hosts, or use an address", nil)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// reserved are the ends of names that no public zone has (RFC 6761, RFC 6762, RFC 8375, and what Kubernetes and
// ICANN reserve).
var reserved = []string{".localhost", ".local", ".internal", ".home.arpa", ".svc", ".cluster.local"}

// ownHost reports whether a Host field names the listener: by address, by a name without dots, by one that is
// reserved, or by one of more. It is empty only in HTTP/1.0, which no browser speaks.
func ownHost(host string, more []string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	if _, err := netip.ParseAddr(name); err == nil || !strings.Contains(name, ".") {
		return true
	}
	return slices.ContainsFunc(reserved, func(end string) bool { return strings.HasSuffix(name, end) }) ||
		slices.ContainsFunc(more, func(own string) bool { return strings.EqualFold(own, name) })
}

// quoted is a host name for people, without what could mislead them.
func quoted(host string) string {
	if len(host) > 80 {
		host = host[:80] + "…"
	}
	return `"` + strings.Map(func(c rune) rune {
		if c <= ' ' || c >= 0x7f || c == '"' {
			return '?'
		}
		return c
	}, host) + `"`
}
