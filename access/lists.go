package access

import (
	"net/netip"
	"time"
)

// Addresses are a set of addresses, which may change while it is asked.
type Addresses interface {
	Has(address netip.Addr, now time.Time) bool
	// Which says which entry an address is in, for people; empty: in none.
	Which(address netip.Addr, now time.Time) string
}

// Networks are a set of few networks.
type Networks []netip.Prefix

// Has implements [Addresses].
func (n Networks) Has(a netip.Addr, _ time.Time) bool {
	for _, network := range n {
		if network.Contains(a) {
			return true
		}
	}
	return false
}

// Which implements [Addresses].
func (n Networks) Which(a netip.Addr, _ time.Time) string {
	for _, network := range n {
		if network.Contains(a) {
			return network.String()
		}
	}
	return ""
}

// addressTest is the condition that one of several sets has the client's address.
func addressTest(all []Addresses) test {
	return test{
		name: "addresses",
		holds: func(r *Request) bool {
			for _, some := range all {
				if some.Has(r.Client, r.Now) {
					return true
				}
			}
			return false
		},
		why: func(r *Request) string {
			for _, some := range all {
				if entry := some.Which(r.Client, r.Now); entry != "" {
					return r.Client.String() + " is in " + entry
				}
			}
			says := r.Client.String() + " is in none of them"
			for _, some := range all {
				if u, ok := some.(interface{ Unasked() bool }); ok && u.Unasked() {
					return says + " that is known here: a running tier asks URLs"
				}
			}
			return says
		},
	}
}
