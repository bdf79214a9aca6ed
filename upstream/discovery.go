package upstream

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"time"
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

// discover keeps the pool's endpoints as DNS has them until ctx ends.
func (p *Pool) discover(ctx context.Context, c *Config, names []target, ask lookup) {
	tick := time.NewTicker(lookupEvery)
	defer tick.Stop()
	known := make([][]target, len(names)) // last good response for each name
	named := p.live()                     // the endpoints that there are until then, one for each name
	for {
		for i, name := range names {
			found, err := addresses(ctx, name.addr, ask)
			if ctx.Err() != nil {
				return
			}
			if named[i].health.note(err); err == nil {
				known[i] = found.of(name.host)
			}
		}
		p.replace(slices.Concat(known...), c)
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
func (found addrs) of(host string) (all []target) {
	for _, addr := range found {
		all = append(all, target{addr, host})
	}
	return all
}

// replace makes all the endpoints. Those that stay keep their connections, those that go
// finish what they have begun. No address at all changes nothing.
func (p *Pool) replace(all []target, c *Config) {
	p.changing.Lock()
	defer p.changing.Unlock()
	old := p.live()
	if p.closed || len(all) == 0 || slices.EqualFunc(old, all, func(e *endpoint, to target) bool { return e.target == to }) {
		return
	}
	var list []*endpoint
	for _, to := range all {
		i := slices.IndexFunc(old, func(e *endpoint) bool { return e.target == to })
		if i >= 0 {
			list = append(list, old[i])
		} else {
			list = append(list, newEndpoint(p.ctx, to, c, p.tls))
		}
	}
	p.endpoints.Store(&list)
	for _, e := range old {
		if !slices.Contains(list, e) {
			e.close()
		}
	}
}
