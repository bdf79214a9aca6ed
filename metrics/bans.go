package metrics

import "github.com/prometheus/client_golang/prometheus"

// Bans are the instruments of bans.
type Bans struct{ begun, ended *prometheus.CounterVec }

// Bans registers the instruments of bans: how many there are, and how many of the store were refused.
func (m *Metrics) Bans(now func() int, refused func() int64) *Bans {
	b := &Bans{
		begun: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "wafer_bans_begun_total", Help: "Bans that this process has made, by the rule that led to them, and whether they are only observed."}, []string{"rule", "mode"}),
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "wafer_bans_ended_total", Help: "Ends of bans that this process has made, by how they came."}, []string{"how"}),
	}
	m.Registry.MustRegister(b.begun, b.ended,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "wafer_bans", Help: "Bans that are in force, of all replicas."}, func() float64 { return float64(now()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "wafer_bans_refused_total", Help: "Bans in the store that are none, or of whom nobody may ban."}, func() float64 { return float64(refused()) }),
	)
	return b
}

// Begun counts a ban by its rule, of the configuration.
func (b *Bans) Begun(rule string, observed bool) {
	mode := "enforce"
	if observed {
		mode = "observe"
	}
	b.begun.WithLabelValues(rule, mode).Inc()
}

// Ended counts the end of one, by a word of a closed set.
func (b *Bans) Ended(how string) { b.ended.WithLabelValues(how).Inc() }
