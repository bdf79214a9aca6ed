package routing

import (
	"errors"
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// maxHostBytes and maxLabelBytes are the limits of DNS names (RFC 1035, section 2.3.4), without the
// dot of the root.
const (
	maxHostBytes  = 253
	maxLabelBytes = 63
)

// Values, not built at run time: clients can cause each of them at will.
var (
	errHostEmpty = errors.New("the host name is empty")
	errHostByte  = errors.New(`a host name holds only letters, digits, "-", "_" and "."`)
	errHostLabel = errors.New("a label between dots is empty: it takes 1 to 63 bytes")
	errHostLong  = errors.New("too long: a label takes up to 63 bytes and a host name up to 253")
	errHostPort  = errors.New("the port is not a number of up to 5 digits")
	errHostIPv6  = errors.New(`not an IPv6 address without zone, like "[2001:db8::1]"`)
	errHostIDNA  = errors.New("no valid internationalized domain name (UTS #46)")
)

// canonicalHost returns the spelling under which hosts compare: lower case, letters outside ASCII in
// their "xn--" form (IDNA, UTS #46), without port and without the dot of the root. IPv6 addresses
// come in their shortest form and in brackets, whether or not host had them.
//
// The error says why host is neither a DNS name nor an IP address. A request with such a host
// matches only entries without hosts.
func canonicalHost(host string) (string, error) {
	name, err := appendHost(nil, host)
	if err != nil {
		return "", err
	}
	return string(name), nil
}

// appendHost appends the canonical spelling of host to dst. It allocates nothing for ASCII names if
// dst has room for maxHostBytes.
func appendHost(dst []byte, host string) ([]byte, error) {
	name, port := host, ""
	colon := strings.LastIndexByte(host, ':')
	switch {
	case strings.HasPrefix(host, "["):
		end := strings.LastIndexByte(host, ']')
		if end < 0 || end+1 != len(host) && colon != end+1 {
			return dst, errHostIPv6
		}
		if colon > end {
			name, port = host[:colon], host[colon+1:]
		}
	case colon >= 0 && strings.IndexByte(host, ':') == colon:
		name, port = host[:colon], host[colon+1:]
	}
	if !validPort(port) {
		return dst, errHostPort
	}
	if name == "" {
		return dst, errHostEmpty
	}
	if name[0] == '[' || strings.IndexByte(name, ':') >= 0 {
		return appendIPv6(dst, name)
	}
	for i := range len(name) {
		if name[i] >= 0x80 {
			return appendIDNA(dst, name)
		}
	}
	return appendName(dst, name)
}

// validPort accepts the empty port too: "host:" is a valid authority (RFC 3986, section 3.2.3).
func validPort(port string) bool {
	for _, c := range port {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(port) <= 5
}

func appendIPv6(dst []byte, name string) ([]byte, error) {
	if name[0] == '[' {
		name = name[1 : len(name)-1]
	}
	addr, err := netip.ParseAddr(name)
	if err != nil || !addr.Is6() || addr.Zone() != "" {
		return dst, errHostIPv6
	}
	dst = append(dst, '[')
	dst = addr.AppendTo(dst)
	return append(dst, ']'), nil
}

func appendIDNA(dst []byte, name string) ([]byte, error) {
	if tooManyRunes(name) {
		return dst, errHostLong
	}
	if !utf8.ValidString(name) { // package idna would map all of it to U+FFFD
		return dst, errHostIDNA
	}
	ascii, err := idna.Lookup.ToASCII(name)
	if err != nil {
		return dst, errHostIDNA
	}
	return appendName(dst, ascii)
}

// tooManyRunes is true for names that IDNA could hardly make short enough, as a character takes at
// least a byte. The work grows with the square of a label: a Host of 1 KiB would cost 1.4 ms.
func tooManyRunes(name string) bool {
	if len(name) > utf8.UTFMax*maxHostBytes {
		return true
	}
	total, label := 0, 0
	for _, r := range name {
		total++
		label++
		switch r {
		case '.', '\u3002', '\uff0e', '\uff61': // the dots of UTS #46
			label = 0
		}
		if label > maxLabelBytes {
			return true
		}
	}
	return total > maxHostBytes+1 // with the dot of the root
}

// appendName lower-cases and checks an ASCII name.
func appendName(dst []byte, name string) ([]byte, error) {
	name = strings.TrimSuffix(name, ".")
	if name == "" {
		return dst, errHostEmpty
	}
	if len(name) > maxHostBytes {
		return dst, errHostLong
	}
	label := 0
	for i := range len(name) {
		c := name[i]
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_':
			label++
		case 'A' <= c && c <= 'Z':
			c |= 0x20
			label++
		case c == '.':
			if label == 0 {
				return dst, errHostLabel
			}
			label = 0
		default:
			return dst, errHostByte
		}
		if label > maxLabelBytes {
			return dst, errHostLong
		}
		dst = append(dst, c)
	}
	if label == 0 {
		return dst, errHostLabel
	}
	return dst, nil
}

// hostPattern is a host of an entry. The zero hostPattern matches any host.
type hostPattern struct {
	name     string // canonical; of a wildcard, what follows "*."
	wildcard bool
}

func compileHost(host string) (hostPattern, error) {
	if strings.Contains(host, "/") {
		return hostPattern{}, errors.New(`a "/" in a host: write the name alone, without scheme and path`)
	}
	if host == "" || host == "*" {
		return hostPattern{}, errors.New("no host name: leave hosts out to match any host")
	}
	rest, wildcard := strings.CutPrefix(host, "*.")
	if strings.Contains(rest, "*") {
		return hostPattern{}, errors.New(`"*" stands only for whole labels at the start, as in "*.shop.example"`)
	}
	name, err := canonicalHost(rest)
	if err != nil {
		return hostPattern{}, err
	}
	if wildcard && name[0] == '[' {
		return hostPattern{}, errors.New("an IPv6 address has no labels: write it without \"*.\"")
	}
	return hostPattern{name: name, wildcard: wildcard}, nil
}

// match reports whether h matches a canonical host; host is empty if the request has none.
func (h hostPattern) match(host string) bool {
	switch {
	case h.wildcard:
		return strings.HasSuffix(host, h.name) && strings.HasSuffix(host[:len(host)-len(h.name)], ".")
	case h.name != "":
		return host == h.name
	}
	return true
}

// rank orders the patterns that match one host: higher is more specific.
func (h hostPattern) rank() int {
	switch {
	case h.wildcard:
		return 1 + strings.Count(h.name, ".")
	case h.name != "":
		return maxHostBytes // more than any number of labels
	}
	return 0
}

func (h hostPattern) String() string {
	switch {
	case h.wildcard:
		return "*." + h.name
	case h.name != "":
		return h.name
	}
	return "any host"
}
