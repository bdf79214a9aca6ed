package metrics

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// Limit is how a limit stands.
type Limit struct {
	ID        string           // of its policy, a slash, and its own
	Requests  map[string]int64 // by what it said
	Buckets   int              // that are not full
	Bytes     int64            // for buckets
	Forgotten int64            // buckets that had to go while they were not full
	Waiting   int64            // requests
}

// WatchLimits reports limits. Its labels are ids of the configuration, and a closed set of words.
func (m *Metrics) WatchLimits(all func() []Limit) { m.Registry.MustRegister(newLimits(all)) }

// limits collects what limits count by themselves, so that a request that passes costs no look-up of a label.
type limits struct {
	all                                          func() []Limit
	requests, buckets, bytes, forgotten, waiting *prometheus.Desc
}

func newLimits(all func() []Limit) *limits {
	desc := func(name, help string, more ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, append([]string{"policy", "limit"}, more...), nil)
	}
	return &limits{
		all:       all,
		requests:  desc("wafer_access_limit_requests_total", "Requests that a limit applied to, by what it said.", "result"),
		buckets:   desc("wafer_access_limit_buckets", "Keys of a limit that are not back to its whole burst."),
		bytes:     desc("wafer_access_limit_bytes", "Memory for the keys of a limit."),
		forgotten: desc("wafer_access_limit_forgotten_total", "Keys that were forgotten because there were more than the limit remembers."),
		waiting:   desc("wafer_access_limit_waiting", "Requests that wait for their turn."),
	}
}

// Describe implements [prometheus.Collector].
func (l *limits) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{l.requests, l.buckets, l.bytes, l.forgotten, l.waiting} {
		to <- d
	}
}

// Collect implements [prometheus.Collector].
func (l *limits) Collect(to chan<- prometheus.Metric) {
	for _, one := range l.all() {
		policy, id, _ := strings.Cut(one.ID, "/")
		send := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, more ...string) {
			to <- prometheus.MustNewConstMetric(d, kind, value, append([]string{policy, id}, more...)...)
		}
		for result, n := range one.Requests {
			send(l.requests, prometheus.CounterValue, float64(n), result)
		}
		send(l.buckets, prometheus.GaugeValue, float64(one.Buckets))
		send(l.bytes, prometheus.GaugeValue, float64(one.Bytes))
		send(l.forgotten, prometheus.CounterValue, float64(one.Forgotten))
		send(l.waiting, prometheus.GaugeValue, float64(one.Waiting))
	}
}
