package endpoints

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	discovery "k8s.io/api/discovery/v1"

	"github.com/wafer-waf/wafer/upstream/discover"
)

// part is what one slice says of a Service's port.
type part struct {
	family  discovery.AddressType
	targets []discover.Target
	ports   []string // that it has, for people who have named another
}

// parts are all slices of one Service, by their names.
type parts map[string]part

// read takes out of a slice what is used of it, so that the rest is garbage at once.
func (s *service) read(from *discovery.EndpointSlice) part {
	p := part{family: from.AddressType}
	for _, port := range from.Ports {
		if port.Port == nil {
			continue
		}
		name, number := deref(port.Name), strconv.Itoa(int(*port.Port))
		p.ports = append(p.ports, strings.TrimSpace(name+" "+number))
		if s.port != name && s.port != number {
			continue
		}
		for _, e := range from.Endpoints {
			t := discover.Target{Host: s.name + "." + s.namespace + ".svc", Zone: deref(e.Zone)}
			var serves bool
			if serves, t.Terminating = state(e.Conditions); !serves || len(e.Addresses) == 0 {
				continue
			}
			t.Address = net.JoinHostPort(e.Addresses[0], number) // of others nobody says what they are for
			p.targets = append(p.targets, t)
		}
	}
	return p
}

// state reads conditions as Kubernetes defines them, where what is not said has a meaning, too. A pod that is not ready
// gets nothing, unless that is because it is about to end, and it still serves.
func state(c discovery.EndpointConditions) (serves, terminating bool) {
	ready := c.Ready == nil || *c.Ready
	serving := ready
	if c.Serving != nil {
		serving = *c.Serving
	}
	if terminating = deref(c.Terminating); terminating {
		return serving, true
	}
	return ready, false
}

// targets are those of all slices; an error says why there are none. While slices change, a pod may be in two.
// Where a Service has addresses of both families, its pods are in the slices of both, and IPv4's are taken.
func (s *service) targets(all parts) ([]discover.Target, error) {
	found := map[discovery.AddressType][]discover.Target{}
	var ports []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		p := all[name]
		found[p.family] = append(found[p.family], p.targets...)
		ports = append(ports, p.ports...)
	}
	for _, family := range []discovery.AddressType{discovery.AddressTypeIPv4, discovery.AddressTypeIPv6} {
		if targets := discover.Unique(found[family]); len(targets) > 0 {
			return targets, nil
		}
	}
	return []discover.Target{}, s.none(ports)
}

// none says why there is no target.
func (s *service) none(ports []string) error {
	slices.Sort(ports)
	ports = slices.Compact(ports)
	named := func(p string) bool {
		return slices.Contains(strings.Fields(p), s.port)
	}
	switch {
	case len(ports) == 0:
		return fmt.Errorf("service %s/%s has no pods, or is not there", s.namespace, s.name)
	case !slices.ContainsFunc(ports, named):
		return fmt.Errorf("service %s/%s has no port %s: its pods have %s", s.namespace, s.name, s.port, strings.Join(ports, ", "))
	}
	return fmt.Errorf("service %s/%s has no pod that is ready", s.namespace, s.name)
}

func deref[T any](p *T) T {
	if p == nil {
		return *new(T)
	}
	return *p
}
