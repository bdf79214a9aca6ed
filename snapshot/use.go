package snapshot

import (
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/upstream"
)

// retries say to an upstream what config.Retries says.
func retries(c *config.Retries) upstream.Retries {
	return upstream.Retries{Attempts: c.Attempts, Statuses: c.Statuses, Share: int(c.Budget.Share), Least: c.Budget.Least}
}

// limits say to an upstream what config.UpstreamLimits say.
func limits(c *config.UpstreamLimits) upstream.Limits {
	return upstream.Limits{InFlight: c.InFlight, EndpointInFlight: c.EndpointInFlight, Queue: c.Queue, Patience: c.QueueTimeout}
}
