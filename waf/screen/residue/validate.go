package residue

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/waf/screen/prefilter"
)

// addresses is @ipMatch.
func addresses(list string) Operator {
	var nets []*net.IPNet
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		switch {
		case strings.Contains(item, "/"):
		case strings.Contains(item, ":"):
			item += "/128"
		case strings.Contains(item, "."):
			item += "/32"
		}
		if _, n, err := net.ParseCIDR(item); err == nil {
			nets = append(nets, n)
		}
	}
	return Operator{
		Match: func(v, _ string) bool {
			ip := net.ParseIP(v)
			for _, n := range nets {
				if n.Contains(ip) {
					return true
				}
			}
			return false
		},
		Need: prefilter.Always(), Constant: true,
	}
}

// addressFile is @ipMatchFromFile: an address or a network a line. They become ranges that do not overlap.
func addressFile(text string) (Operator, error) {
	type span struct{ from, to netip.Addr }
	var all []span
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		if !strings.Contains(line, "/") {
			a, err := netip.ParseAddr(line)
			if err != nil {
				return Operator{}, fmt.Errorf("@ipMatchFromFile: %w", err)
			}
			all = append(all, span{a.Unmap(), a.Unmap()})
			continue
		}
		n, err := netip.ParsePrefix(line)
		if err != nil {
			return Operator{}, fmt.Errorf("@ipMatchFromFile: %w", err)
		}
		all = append(all, span{n.Masked().Addr(), last(n)})
	}
	slices.SortFunc(all, func(a, b span) int { return a.from.Compare(b.from) })
	var spans []span
	for _, s := range all {
		if n := len(spans); n > 0 && spans[n-1].to.Compare(s.from) >= 0 && spans[n-1].to.BitLen() == s.from.BitLen() {
			if s.to.Compare(spans[n-1].to) > 0 {
				spans[n-1].to = s.to
			}
			continue
		}
		spans = append(spans, s)
	}
	return Operator{
		Match: func(v, _ string) bool {
			a, err := netip.ParseAddr(v)
			if err != nil || a.Zone() != "" {
				return false
			}
			a = a.Unmap()
			i, exact := slices.BinarySearchFunc(spans, a, func(s span, a netip.Addr) int { return s.from.Compare(a) })
			return exact || i > 0 && spans[i-1].to.Compare(a) >= 0 && spans[i-1].to.BitLen() == a.BitLen()
		},
		Need: prefilter.Always(), Constant: true,
	}, nil
}

// last is the last address of a network.
func last(n netip.Prefix) netip.Addr {
	bytes := n.Addr().AsSlice()
	for bit := n.Bits(); bit < len(bytes)*8; bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	a, _ := netip.AddrFromSlice(bytes) // of a length that addresses have
	return a
}

// byteRange is @validateByteRange: it matches values that have another byte.
func byteRange(ranges string) (Operator, error) {
	if ranges == "" {
		return Operator{Match: func(string, string) bool { return true }, Need: prefilter.Always(), Constant: true}, nil
	}
	var valid [256]bool
	for item := range strings.SplitSeq(ranges, ",") {
		from, to, ranged := strings.Cut(strings.TrimSpace(item), "-")
		if !ranged {
			to = from
		}
		a, err1 := strconv.Atoi(from)
		b, err2 := strconv.Atoi(to)
		if err1 != nil || err2 != nil || a < 0 || b > 255 {
			return Operator{}, fmt.Errorf("@validateByteRange: %q is no range of bytes", item)
		}
		for c := a; c <= b; c++ {
			valid[c] = true
		}
	}
	var others []byte
	for c, ok := range valid {
		if !ok {
			others = append(others, byte(c))
		}
	}
	return Operator{
		Match: func(v, _ string) bool {
			for i := range len(v) {
				if !valid[v[i]] {
					return true
				}
			}
			return false
		},
		Need: prefilter.AnyByte(string(others)), Constant: true,
	}, nil
}

func highBytes() string {
	var b []byte
	for c := 0x80; c <= 0xff; c++ {
		b = append(b, byte(c))
	}
	return string(b)
}

func validURLEncoding(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			continue
		}
		if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
			return false
		}
		i += 2
	}
	return true
}
