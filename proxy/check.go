package proxy

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/snapshot"
	"github.com/wafer-waf/wafer/waf"
)

// Check builds everything that c describes, proves it and throws it away: c is valid if,
// and only if, it builds. It returns what would be in force.
func Check(c *config.Routes) (snapshot.Description, error) {
	b := newBuilder(waf.NewCompiler())
	s, err := b.Build(c, metrics.New(prometheus.NewRegistry(), "", "", ""))
	if err != nil {
		return snapshot.Description{}, err
	}
	d := s.Describe()
	return d, b.Free(s)
}
