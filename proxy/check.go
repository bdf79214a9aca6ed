package proxy

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/snapshot"
	"github.com/wafer-waf/wafer/waf"
)

// Complete adds to the problems that a configuration was loaded with those of its rules and exclusions.
func Complete(c *config.Routes, err error) error { return snapshot.Complete(c, err) }

// Check builds everything that c describes, proves it and throws it away: c is valid if,
// and only if, it builds. It returns what would be in force.
func Check(c *config.Routes) (snapshot.Description, error) { return CheckWith(c, nil) }

// CheckWith is Check, and tells compiling which policy of how many comes next, and n of n when all are
// through.
func CheckWith(c *config.Routes, compiling func(policy string, i, n int)) (snapshot.Description, error) {
	b := newBuilder(waf.NewCompiler(), traffic{})
	b.Compiling = compiling
	s, err := b.Build(c, metrics.New(prometheus.NewRegistry(), "", "", ""))
	if err != nil {
		return snapshot.Description{}, err
	}
	d := s.Describe()
	return d, b.Free(s)
}
