package metrics

import "github.com/prometheus/client_golang/prometheus"

// Upstream is what instruments say of an upstream when they are read.
type Upstream struct {
	ID        string
	Endpoints map[string]int // by state
	InFlight  int
	Open      int  // connections
	Queues    bool // requests may wait
	Waiting   int
	Sources   int // that say where endpoints are
	Silent    int // of them, that do not
	Panics    bool
}

// upstreams are the instruments of upstreams that say what is, rather than count.
type upstreams struct {
	now                                             func() []Upstream
	endpoints, inFlight, open, queue, silent, panic *prometheus.Desc
}

// WatchUpstreams reports the upstreams of the configuration in force.
func (m *Metrics) WatchUpstreams(now func() []Upstream) {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, append([]string{"upstream"}, labels...), nil)
	}
	m.Registry.MustRegister(&upstreams{
		now:       now,
		endpoints: desc("wafer_upstream_endpoints", "Endpoints of an upstream by state: up, unreachable, ejected or down.", "state"),
		inFlight:  desc("wafer_upstream_requests_in_flight", "Requests that endpoints of an upstream are working on."),
		open:      desc("wafer_upstream_connections", "Connections to endpoints of an upstream, those included that are kept for the next request."),
		queue:     desc("wafer_upstream_queue", "Requests that wait for a place at an upstream."),
		silent:    desc("wafer_upstream_sources_failing", "Names and Services that do not say where endpoints of an upstream are."),
		panic:     desc("wafer_upstream_panic", "1 if so few endpoints of an upstream are available that all are asked."),
	})
}

// Describe implements prometheus.Collector.
func (u *upstreams) Describe(to chan<- *prometheus.Desc) {
	to <- u.endpoints
	to <- u.inFlight
	to <- u.open
	to <- u.queue
	to <- u.silent
	to <- u.panic
}

// Collect implements prometheus.Collector.
func (u *upstreams) Collect(to chan<- prometheus.Metric) {
	for _, one := range u.now() {
		for state, n := range one.Endpoints {
			to <- prometheus.MustNewConstMetric(u.endpoints, prometheus.GaugeValue, float64(n), one.ID, state)
		}
		to <- prometheus.MustNewConstMetric(u.inFlight, prometheus.GaugeValue, float64(one.InFlight), one.ID)
		to <- prometheus.MustNewConstMetric(u.open, prometheus.GaugeValue, float64(one.Open), one.ID)
		if one.Queues {
			to <- prometheus.MustNewConstMetric(u.queue, prometheus.GaugeValue, float64(one.Waiting), one.ID)
		}
		if one.Sources > 0 {
			to <- prometheus.MustNewConstMetric(u.silent, prometheus.GaugeValue, float64(one.Silent), one.ID)
		}
		to <- prometheus.MustNewConstMetric(u.panic, prometheus.GaugeValue, number(one.Panics), one.ID)
	}
}

// Ejected counts an ejection of an endpoint, by the word of a closed set.
func (m *Metrics) Ejected(upstream, reason string) {
	m.ejections.inc(upstreamFailure{upstream, reason})
}

// Spared counts a fault that would have ejected an endpoint, had the others not been out or failing too.
func (m *Metrics) Spared(upstream string) { m.spared.inc(upstream) }
