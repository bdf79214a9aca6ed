package addresses

import (
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
	"strings"
)

// ParsePrefix reads an address or a prefix as lists have them. An address of IPv4 that is written as one of IPv6 is
// one of IPv4.
func ParsePrefix(text string) (netip.Prefix, error) {
	if strings.ContainsRune(text, '%') {
		return netip.Prefix{}, errors.New("an address with a zone means something on one machine only")
	}
	if !strings.Contains(text, "/") {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, fmt.Errorf("%s is no address", quote(text))
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%s is no prefix", quote(text))
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	if p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("%s has bits set behind the prefix length: it may be %s or %s", quote(text), p.Masked(), p.Addr())
	}
	return p, nil
}

// quote shows a piece of hostile text: short, and without control characters.
func quote(text string) string {
	const most = 60
	if len(text) > most {
		text = text[:most] + "…"
	}
	return fmt.Sprintf("%q", text)
}

// parseEntry reads what a list names: an address, a prefix, or the first and last address of a range.
func parseEntry(text string) ([]netip.Prefix, error) {
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		p, err := ParsePrefix(text)
		return []netip.Prefix{p}, err
	}
	from, err := ParsePrefix(strings.TrimSpace(first))
	if err != nil {
		return nil, err
	}
	to, err := ParsePrefix(strings.TrimSpace(last))
	switch {
	case err != nil:
		return nil, err
	case !from.IsSingleIP() || !to.IsSingleIP() || from.Addr().Is4() != to.Addr().Is4() || to.Addr().Less(from.Addr()):
		return nil, fmt.Errorf("%s is no range from one address to a higher one", quote(text))
	}
	return span(from.Addr(), to.Addr()), nil
}

// span returns the prefixes that together hold all addresses from one to another: each time the widest that begins
// where the last one ended. They are at most twice as many as an address has bits.
func span(from, to netip.Addr) (out []netip.Prefix) {
	width := from.BitLen()
	for {
		start := widen(from)
		free := min(trailing(start), width) // bits that a prefix beginning here can leave open
		for free > 0 && to.Less(lastOf(from, width-free)) {
			free--
		}
		p := netip.PrefixFrom(from, width-free)
		out = append(out, p)
		last := lastOf(from, p.Bits())
		if last == to {
			return out
		}
		from = last.Next()
	}
}

func trailing(w wide) int {
	if w.lo != 0 {
		return bits.TrailingZeros64(w.lo)
	}
	return 64 + bits.TrailingZeros64(w.hi)
}

// lastOf is the last address of the prefix of a length that begins at an address.
func lastOf(a netip.Addr, length int) netip.Addr {
	w, host := widen(a), a.BitLen()-length
	w.lo |= low(min(host, 64))
	w.hi |= low(max(host-64, 0))
	if a.Is4() {
		return address4(uint32(w.lo))
	}
	return w.address()
}

// low has the lowest n bits set.
func low(n int) uint64 {
	if n == 64 {
		return ^uint64(0)
	}
	return 1<<n - 1
}
