package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Store are the instruments of what replicas share.
type Store struct {
	up         prometheus.Gauge
	operations *prometheus.CounterVec   // operation, result
	duration   *prometheus.HistogramVec // operation
}

// Store registers the instruments of a store. A process without one has none.
func (m *Metrics) Store() *Store {
	s := &Store{
		up: prometheus.NewGauge(prometheus.GaugeOpts{Name: "wafer_store_up", Help: "1 if the store that replicas share is asked, 0 while it is down."}),
		operations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wafer_store_operations_total", Help: "Operations of the store by what came of them: ok, down (not tried), or what they failed with.",
		}, []string{"operation", "result"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "wafer_store_operation_duration_seconds", Help: "Time that operations of the store took, of those that were tried.", Buckets: prometheus.ExponentialBuckets(1e-4, 4, 8),
		}, []string{"operation"}),
	}
	m.Registry.MustRegister(s.up, s.operations, s.duration)
	return s
}

// Up says whether the store is asked.
func (s *Store) Up(up bool) { s.up.Set(number(up)) }

// Did counts an operation, by words of closed sets.
func (s *Store) Did(operation, result string, took time.Duration) {
	s.operations.WithLabelValues(operation, result).Inc()
	if took > 0 {
		s.duration.WithLabelValues(operation).Observe(took.Seconds())
	}
}
