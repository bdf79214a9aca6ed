package snapshot

import (
	"slices"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/upstream"
)

// retries say to an upstream what config.Retries says.
func retries(c *config.Retries) upstream.Retries {
	r := upstream.Retries{Attempts: c.Attempts, Share: int(c.Budget.Share), Least: c.Budget.Least}
	if len(c.Statuses) > 0 {
		r.Unwanted = func(status int) bool {
			return slices.ContainsFunc(c.Statuses, func(s config.StatusRange) bool { return s.Has(status) })
		}
	}
	return r
}

// limits say to an upstream what config.UpstreamLimits say.
func limits(c *config.UpstreamLimits) upstream.Limits {
	return upstream.Limits{
		Connections: c.Connections, InFlight: c.InFlight, EndpointInFlight: c.EndpointInFlight,
		Queue: c.Queue, EndpointQueue: c.EndpointQueue, Patience: c.QueueTimeout,
	}
}
