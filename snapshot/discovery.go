package snapshot

import (
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/upstream"
	"github.com/wafer-waf/wafer/upstream/discover"
)

var discoveries = map[config.Discovery]upstream.Discovery{
	config.DiscoveryOff: upstream.DiscoveryOff, config.DiscoveryDNS: upstream.DiscoveryDNS, config.DiscoverySRV: upstream.DiscoverySRV,
}

// Services returns what finds the pods of a Service of Kubernetes, as an upstream names it: namespace/name:port.
type Services func(ref string) (discover.Source, error)

// sources are what says where endpoints are of an upstream that names a Service, or an empty text.
func (s Services) sources(ref string) ([]discover.Source, error) {
	if ref == "" {
		return nil, nil
	}
	if s == nil {
		return []discover.Source{discover.Unasked(ref)}, nil
	}
	source, err := s(ref)
	if err != nil {
		return nil, &serviceError{err}
	}
	return []discover.Source{source}, nil
}

// serviceError is why the pods of a Service cannot be looked for.
type serviceError struct{ err error }

func (e *serviceError) Error() string { return e.err.Error() }
