package config

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Discovery says what is asked of the names of an upstream's endpoints.
type Discovery string

// What can be.
const (
	DiscoveryOff Discovery = "off"
	DiscoveryDNS Discovery = "dns" // each address of a name is an endpoint
	DiscoverySRV Discovery = "srv" // each host and port in the records of a name is one
)

// DefaultEvery is the time between two looks at a name of which the file does not say it.
const DefaultEvery = 5 * time.Second

// oftenest is the least time between two looks at a name: each is a question for each replica.
const oftenest = time.Second

// checkDiscovery checks where the endpoints come from.
func (c *checker) checkDiscovery(path string, u *Upstream) {
	word(c, path+".discovery", u.Discovery)
	if u.Every < oftenest {
		c.add(path+".every", "%s is too short: at least %s", u.Every, oftenest)
	}
	if u.Discovery == DiscoveryOff && c.says(path+".every") {
		c.add(path+".every", "has no effect without discovery: remove it, or write discovery: dns")
	}
	switch {
	case u.Service != "":
		c.addErr(path+".service", checkService(u.Service))
		if len(u.Endpoints) > 0 {
			c.add(path+".service", "excludes endpoints: they are the Service's pods")
		}
		if u.Discovery != DiscoveryOff {
			c.add(path+".discovery", "has no effect beside service, whose pods are watched")
		}
	case len(u.Endpoints) == 0:
		c.add(path+".endpoints", "at least one endpoint is required, or a service")
	case u.Discovery == DiscoverySRV:
		c.checkEndpoints(path+".endpoints", u.Endpoints, checkRecords)
	default:
		c.checkEndpoints(path+".endpoints", u.Endpoints, checkEndpoint)
	}
}

// checkService accepts namespace/name:port, where the port is a name or a number.
func checkService(s string) error {
	namespace, rest, _ := strings.Cut(s, "/")
	name, port, _ := strings.Cut(rest, ":")
	if namespace == "" || name == "" || port == "" {
		return fmt.Errorf("%q is not namespace/name:port", s)
	}
	for _, label := range []string{namespace, name, port} {
		if err := checkName(label); err != nil {
			return fmt.Errorf("%q %w", label, err)
		}
		if strings.ContainsAny(label, "._") {
			return fmt.Errorf("%q is no name in Kubernetes: a-z, 0-9 and hyphens", label)
		}
	}
	if strings.Trim(port, "0123456789") == "" {
		return checkPort(port)
	}
	return nil
}

// checkRecords accepts http://name and https://name, where the name has SRV records.
func checkRecords(e string) error {
	scheme, name, _ := strings.Cut(e, "://")
	host, _, port := strings.Cut(name, ":")
	switch {
	case scheme != "http" && scheme != "https" || name == "" || strings.ContainsAny(name, "/?#@"):
		return fmt.Errorf("%q is not http://name or https://name", e)
	case port:
		return fmt.Errorf("%q has a port, which SRV records say: write %s://%s", e, scheme, host)
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return fmt.Errorf("%q is an address: only names have SRV records", e)
	}
	if err := checkName(strings.ToLower(name)); err != nil {
		return fmt.Errorf("host %q %w", name, err)
	}
	return nil
}
