package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// NewAdmin registers what counts the requests that the admin listener refuses, by reasons, and returns it.
func NewAdmin(reg prometheus.Registerer, reasons []string) func(reason string) {
	refused := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "wafer_admin_refused_total", Help: "Requests to the admin listener by who may not ask.",
	}, []string{"reason"})
	reg.MustRegister(refused)
	by := map[string]prometheus.Counter{}
	for _, reason := range reasons {
		by[reason] = refused.WithLabelValues(reason)
	}
	return func(reason string) { by[reason].Inc() }
}

// AdminCertificate registers what tells when the certificate of the admin listener ends. A process without one has none.
func AdminCertificate(reg prometheus.Registerer, notAfter func() time.Time) {
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "wafer_admin_certificate_not_after_timestamp_seconds", Help: "When the certificate of the admin listener ends.",
	}, func() float64 { return float64(notAfter().Unix()) }))
}
