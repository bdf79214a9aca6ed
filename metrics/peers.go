package metrics

import "github.com/prometheus/client_golang/prometheus"

// Peers are the instruments of a process that has peers.
type Peers struct{ answering, differing prometheus.Gauge }

// NewPeers registers them.
func NewPeers(reg prometheus.Registerer) *Peers {
	p := &Peers{
		answering: prometheus.NewGauge(prometheus.GaugeOpts{Name: "wafer_peers", Help: "Peers that say what they serve, this process among them."}),
		differing: prometheus.NewGauge(prometheus.GaugeOpts{Name: "wafer_peers_differing", Help: "Peers that serve another configuration than most of them do."}),
	}
	reg.MustRegister(p.answering, p.differing)
	return p
}

// Compared publishes how many peers have answered, and how many of them serve something else than most.
func (p *Peers) Compared(answering, differing int) {
	p.answering.Set(float64(answering))
	p.differing.Set(float64(differing))
}
