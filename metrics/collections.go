package metrics

import "github.com/prometheus/client_golang/prometheus"

// Collections are figures of what rules keep from one request to the next.
type Collections struct {
	Keys, Bytes                       int
	Waiting                           int
	Evicted, Refused, Failed, Dropped int64
}

// WatchCollections reports what rules keep from one request to the next.
func (m *Metrics) WatchCollections(now func() Collections) { m.Registry.MustRegister(collections(now)) }

// collections is a collector of figures that are taken together.
type collections func() Collections

var collectionsDescs = struct{ keys, bytes, waiting, lost *prometheus.Desc }{
	prometheus.NewDesc("wafer_collections", "Collections that rules keep from one request to the next.", nil, nil),
	prometheus.NewDesc("wafer_collections_bytes", "What collections take of the memory.", nil, nil),
	prometheus.NewDesc("wafer_collections_waiting", "Collections with changes that the store has not got yet.", nil, nil),
	prometheus.NewDesc("wafer_collections_lost_total", "What of collections was lost, by why: evicted ones, variables beyond the bounds, round trips to the store that failed, changes that the store never gets.",
		[]string{"reason"}, nil),
}

// Describe implements [prometheus.Collector].
func (c collections) Describe(to chan<- *prometheus.Desc) {
	d := &collectionsDescs
	for _, desc := range []*prometheus.Desc{d.keys, d.bytes, d.waiting, d.lost} {
		to <- desc
	}
}

// Collect implements [prometheus.Collector].
func (c collections) Collect(to chan<- prometheus.Metric) {
	d, now := &collectionsDescs, c()
	gauge := func(desc *prometheus.Desc, n int) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(n))
	}
	gauge(d.keys, now.Keys)
	gauge(d.bytes, now.Bytes)
	gauge(d.waiting, now.Waiting)
	for reason, n := range map[string]int64{"evicted": now.Evicted, "refused": now.Refused, "failed": now.Failed, "dropped": now.Dropped} {
		to <- prometheus.MustNewConstMetric(d.lost, prometheus.CounterValue, float64(n), reason)
	}
}
