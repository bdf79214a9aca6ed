package proxy

import (
	"net/netip"
	"strings"

	"github.com/google/uuid"
	"github.com/wafer-waf/wafer/message"
)

// identify finds out whom v is from. The field is believed only from trusted peers, and
// then from the right: each proxy appends the address it saw, so the right-most one that
// is not itself a trusted proxy is the first that nobody could forge.
func (v *view) identify(trusted []netip.Prefix, field string) {
	v.client = v.Peer.Addr()
	v.trusted = within(v.client, trusted)
	if !v.trusted {
		return
	}
	v.hops = v.hops[:0]
	for i := range v.Fields {
		switch f := &v.Fields[i]; {
		case !f.Is(field):
		case f.Is("Forwarded"):
			v.hops = forwardedHops(v.hops, f.Value)
		default:
			v.hops = listHops(v.hops, f.Value)
		}
	}
	for i := len(v.hops) - 1; i >= 0; i-- {
		a, ok := parseHop(v.hops[i])
		if !ok {
			return // beyond this nothing can be believed
		}
		v.client = a
		if !within(a, trusted) {
			return
		}
	}
}

// listHops appends the elements of a list such as X-Forwarded-For, or a single address.
func listHops(hops []string, value string) []string {
	for element := range strings.SplitSeq(value, ",") {
		hops = append(hops, strings.Trim(element, " \t"))
	}
	return hops
}

// forwardedHops appends the "for" parameter of each element of a Forwarded field (RFC 7239
// section 4), "" where there is none. After a syntax error it appends "", which ends the
// search: what is left of it cannot be told apart.
func forwardedHops(hops []string, value string) []string {
	hop, seen := "", false
	for {
		value = strings.TrimLeft(value, " \t")
		i := strings.IndexAny(value, "=,;")
		switch {
		case i < 0 && value == "":
			return append(hops, hop)
		case i < 0:
			return append(hops, "")
		case value[i] != '=': // an empty parameter
			if strings.Trim(value[:i], " \t") != "" {
				return append(hops, "")
			}
		default:
			name := value[:i]
			text, rest, ok := forwardedValue(value[i+1:])
			if !ok || !message.IsToken(name) {
				return append(hops, "")
			}
			if strings.EqualFold(name, "for") {
				if seen { // RFC 7239 section 4: once in an element
					return append(hops, "")
				}
				hop, seen = text, true
			}
			value = strings.TrimLeft(rest, " \t")
			i = 0
			if value == "" {
				return append(hops, hop)
			}
		}
		switch value[i] {
		case ',':
			hops = append(hops, hop)
			hop, seen = "", false
		case ';':
		default:
			return append(hops, "")
		}
		value = value[i+1:]
	}
}

// forwardedValue takes a token or a quoted string from the front of s.
func forwardedValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		i := 0
		for i < len(s) && (message.IsTokenByte(s[i]) || s[i] == ':' || s[i] == '[' || s[i] == ']') { // many do not quote IPv6
			i++
		}
		return s[:i], s[i:], i > 0
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
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
		if id := v.Fields.Get(requestIDField); validRequestID(id) {
			return id
		}
	}
	return newRequestID()
}

func newRequestID() string {
	return uuid.Must(uuid.NewV7()).String()
}

// validRequestID keeps ids out that would not survive a log line or a page, and those that are too short to be one of many:
// proxies hand on what their clients say, and some short ones (".", "top") mean something else in a path of the admin API.
func validRequestID(s string) bool {
	if len(s) < 8 || len(s) > 128 {
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
