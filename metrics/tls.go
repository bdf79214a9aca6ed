package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// TLS are the instruments of listeners with TLS.
type TLS struct {
	all        *Metrics
	handshakes *series[handshake]
	reloads    *prometheus.CounterVec // listener, result
	reloaded   *prometheus.GaugeVec   // listener
	notAfter   *prometheus.GaugeVec   // listener, certificate
	nextUpdate *prometheus.GaugeVec   // listener
}

type handshake struct{ listener, version, cipher, result string }

// TLS registers the instruments of listeners with TLS. A process without one has none.
func (m *Metrics) TLS() *TLS {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		m.Registry.MustRegister(c)
		return c
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
		m.Registry.MustRegister(g)
		return g
	}
	handshakes := counter("wafer_tls_handshakes_total", "Handshakes with clients by version, cipher suite and what came of them.", "listener", "version", "cipher", "result")
	return &TLS{
		all: m,
		handshakes: newSeries(func(h handshake) prometheus.Counter {
			return handshakes.WithLabelValues(h.listener, h.version, h.cipher, h.result)
		}),
		reloads:    counter("wafer_tls_reloads_total", "Changes of a listener's certificates, authorities and keys by result.", "listener", "result"),
		reloaded:   gauge("wafer_tls_last_reload_successful", "1 if the files of a listener were all good when they changed last.", "listener"),
		notAfter:   gauge("wafer_tls_certificate_not_after_timestamp_seconds", "When a certificate in use ends.", "listener", "certificate"),
		nextUpdate: gauge("wafer_tls_crl_next_update_timestamp_seconds", "When the first list of revoked certificates is to be replaced.", "listener"),
	}
}

// Handshaken counts a handshake, by words of closed sets, and how long it took.
func (t *TLS) Handshaken(listener, version, cipher, result string, took time.Duration) {
	t.all.stages.observe(handshaking, took.Seconds())
	t.handshakes.inc(handshake{listener, version, cipher, result})
}

// Reloaded counts a reading of a listener's files that had changed.
func (t *TLS) Reloaded(listener string, good bool) {
	result, value := "success", 1.0
	if !good {
		result, value = "failure", 0
	}
	t.reloads.WithLabelValues(listener, result).Inc()
	t.reloaded.WithLabelValues(listener).Set(value)
}

// Begins makes the series of a listener: an alert looks for an increase.
func (t *TLS) Begins(listener string) {
	t.reloads.WithLabelValues(listener, "success")
	t.reloads.WithLabelValues(listener, "failure")
	t.reloaded.WithLabelValues(listener).Set(1)
}

// NotAfter says when a certificate in use ends.
func (t *TLS) NotAfter(listener, certificate string, at time.Time) {
	t.notAfter.WithLabelValues(listener, certificate).Set(float64(at.Unix()))
}

// NextUpdate says when the lists of revoked certificates are to be replaced.
func (t *TLS) NextUpdate(listener string, at time.Time) {
	t.nextUpdate.WithLabelValues(listener).Set(float64(at.Unix()))
}
