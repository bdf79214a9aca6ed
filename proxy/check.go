package proxy

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/metrics"
)

// Check builds everything that c describes, proves it and throws it away: c is valid if,
// and only if, it builds. It returns what would be in force.
func Check(c *config.Routes) (Description, error) {
	r := newResources()
	s, err := r.build(c, metrics.New(prometheus.NewRegistry(), "", "", ""))
	if err != nil {
		return Description{}, err
	}
	d := s.describe()
	return d, r.free(s)
}
