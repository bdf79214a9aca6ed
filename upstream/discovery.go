package upstream

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/wafer-waf/wafer/upstream/discover"
)

// Discovery is where a Pool gets its endpoints from.
type Discovery int

const (
	// DiscoveryOff takes the endpoints as configured. A name is looked up for each new
	// connection, and whatever is behind it counts as one endpoint.
	DiscoveryOff Discovery = iota
	// DiscoveryDNS makes an endpoint of each address that a configured name has, so that
	// balancing, connections and their limit are by address. It is meant for headless
	// Services, whose name has the addresses of the pods that are ready.
	DiscoveryDNS
)

// lookupEvery is the time between two lookups of a name: as long as cluster DNS lets an
// answer live unless told otherwise.
const lookupEvery = 5 * time.Second

// lookupTimeout bounds one lookup.
const lookupTimeout = 2 * time.Second

// lookup returns the addresses of a name.
type lookup func(ctx context.Context, name string) ([]netip.Addr, error)

func systemLookup(ctx context.Context, name string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
}

// byName is the addresses that a name has in DNS.
type byName struct {
	name discover.Target
	ask  lookup
}

// String returns the name.
func (d *byName) String() string { return d.name.Address }

// Watch implements discover.Source.
func (d *byName) Watch(ctx context.Context, tell func([]discover.Target, error)) {
	tick := time.NewTicker(lookupEvery)
	defer tick.Stop()
	for {
		found, err := addresses(ctx, d.name.Address, d.ask)
		if ctx.Err() != nil {
			return
		}
		tell(found.of(d.name.Host), err)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// addrs are addresses, each host:port.
type addrs []string

// addresses looks up the host of host:port and returns all its addresses with that port, in
// order. It is an error if DNS fails or has none: then what was known last is the better
// guess, for it may still answer.
func addresses(ctx context.Context, name string, ask lookup) (addrs, error) {
	host, port, err := net.SplitHostPort(name)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	ips, err := ask(ctx, host)
	if err == nil && len(ips) == 0 {
		err = &net.DNSError{Err: "no addresses", Name: host, IsNotFound: true}
	}
	if err != nil {
		return nil, &ConnectError{name, err}
	}
	var found addrs
	for _, ip := range ips {
		found = append(found, net.JoinHostPort(ip.Unmap().String(), port))
	}
	slices.Sort(found) // answers come in any order
	return slices.Compact(found), nil
}

// of are the targets at those addresses, whose certificates are for the name that they were found by.
func (found addrs) of(host string) (all []discover.Target) {
	for _, addr := range found {
		all = append(all, discover.Target{Address: addr, Host: host})
	}
	return all
}
