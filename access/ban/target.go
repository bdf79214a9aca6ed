package ban

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Scope is where a ban holds.
type Scope uint8

// The scopes.
const (
	Everywhere Scope = iota
	OnHost
	OnRoute
	scopes
)

var scopeWords = [scopes]string{"all", "host", "route"}

// String returns the word of a scope.
func (s Scope) String() string { return scopeWords[s] }

// ScopeOf returns the scope of a word.
func ScopeOf(word string) (Scope, bool) {
	for i, w := range scopeWords {
		if w == word {
			return Scope(i), true
		}
	}
	return 0, false
}

// Target is whom a ban is about, and where it holds.
type Target struct {
	Who   Who
	Scope Scope
	Where string // id of the route, or the host; empty everywhere
}

// Who is somebody: a client by its address, or whoever has the same key as a rule makes it.
type Who struct {
	keyed bool
	id    [16]byte // the address as one of IPv6, of which only the first half tells clients apart; or the key
}

// Client returns who has an address, or shares its network: providers give out IPv6 by the /64.
func Client(a netip.Addr) Who {
	a = a.WithZone("")
	w := Who{id: a.As16()}
	if a.Is6() && !a.Is4In6() {
		clear(w.id[8:])
	}
	return w
}

// Keyed returns who has a key.
func Keyed(key [16]byte) Who { return Who{true, key} }

// Network returns the addresses of a client; invalid: it is not told by its address.
func (w Who) Network() netip.Prefix {
	if w.keyed {
		return netip.Prefix{}
	}
	a := netip.AddrFrom16(w.id).Unmap()
	if a.Is4() {
		return netip.PrefixFrom(a, 32)
	}
	return netip.PrefixFrom(a, 64)
}

// String returns a text without spaces.
func (w Who) String() string {
	if w.keyed {
		return "key:" + base64.RawURLEncoding.EncodeToString(w.id[:])
	}
	p := w.Network()
	if p.Addr().Is4() {
		return p.Addr().String()
	}
	return p.String()
}

// ParseWho reads an address, a network that is a client, or what String has written of a key.
func ParseWho(text string) (Who, error) {
	if key, ok := strings.CutPrefix(text, "key:"); ok {
		id, err := base64.RawURLEncoding.DecodeString(key)
		if err != nil || len(id) != 16 {
			return Who{}, fmt.Errorf("%q is no key of a ban", text)
		}
		return Keyed([16]byte(id)), nil
	}
	if p, err := netip.ParsePrefix(text); err == nil {
		if w := Client(p.Addr()); w.Network() == p.Masked() {
			return w, nil
		}
		return Who{}, fmt.Errorf("%s is not one client: ban an IPv4 address or an IPv6 /64, and deny larger networks by a list", text)
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return Who{}, fmt.Errorf("%q is no address: write it like 192.0.2.7 or 2001:db8:1:2::/64", text)
	}
	return Client(a), nil
}

// String returns the text by which a store knows the target.
func (t Target) String() string {
	if t.Scope == Everywhere {
		return t.Who.String() + " all"
	}
	return t.Who.String() + " " + t.Scope.String() + " " + t.Where
}

var errTarget = errors.New("not the target of a ban")

// longestWhere is the longest name of a host or a route.
const longestWhere = 255

// Storable reports whether the text of the target can be read back: hosts are whatever clients send.
func (t Target) Storable() bool {
	if len(t.Where) > longestWhere {
		return false
	}
	for i := range len(t.Where) {
		if t.Where[i] < ' ' || t.Where[i] == 0x7f {
			return false
		}
	}
	return true
}

// ParseTarget reads what String has written, and nothing else.
func ParseTarget(text string) (Target, error) {
	who, rest, _ := strings.Cut(text, " ")
	word, where, _ := strings.Cut(rest, " ")
	scope, known := ScopeOf(word)
	if !known || (where == "") != (scope == Everywhere) || len(where) > longestWhere {
		return Target{}, errTarget
	}
	w, err := ParseWho(who)
	if err != nil {
		return Target{}, err
	}
	t := Target{w, scope, where}
	if t.String() != text {
		return Target{}, errTarget
	}
	return t, nil
}
