package upstream

import (
	"fmt"
	"net"
	"time"

	"github.com/wafer-waf/wafer/upstream/discover"
)

// Discovery is what is asked of the names that endpoints are configured by.
type Discovery int

const (
	// DiscoveryOff takes the endpoints as configured. A name is looked up for each new
	// connection, and whatever is behind it counts as one endpoint.
	DiscoveryOff Discovery = iota
	// DiscoveryDNS makes an endpoint of each address that a configured name has, so that
	// balancing, connections and their limit are by address. It is meant for headless
	// Services, whose name has the addresses of the pods that are ready.
	DiscoveryDNS
	// DiscoverySRV asks for the records of services that configured names have: hosts, ports, weights and ranks.
	DiscoverySRV
)

// lookupEvery is the time between two looks at a name unless told otherwise: as long as cluster DNS lets an answer live.
const lookupEvery = 5 * time.Second

// start returns the endpoints to begin with, and adds to the sources those that ask for their names.
func (c *Config) start(configured []discover.Target) ([]discover.Target, error) {
	every := c.Every
	if every == 0 {
		every = lookupEvery
	}
	switch c.Discovery {
	case DiscoveryDNS:
		for _, name := range configured {
			s, err := discover.Addresses(name, every, c.Resolver)
			if err != nil {
				return nil, err
			}
			c.Sources = append(c.Sources, s)
		}
	case DiscoverySRV:
		for _, name := range configured {
			host, _, err := net.SplitHostPort(name.Address) // the port is that of the scheme, and records have theirs
			if err != nil {
				return nil, err
			}
			name.Address, name.Host = host, discover.ServiceOf(host)
			c.Sources = append(c.Sources, discover.Records(name, every, c.Resolver))
		}
		return nil, nil
	case DiscoveryOff:
	default:
		return nil, fmt.Errorf("unknown discovery %d", c.Discovery)
	}
	return configured, nil
}
