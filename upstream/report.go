package upstream

import "github.com/wafer-waf/wafer/upstream/health"

// Endpoint is an endpoint as it is now.
type Endpoint struct {
	Address  string `json:"address"` // host:port
	Zone     string `json:"zone,omitempty"`
	Weight   int    `json:"weight,omitempty"`
	Leaving  bool   `json:"terminating,omitempty"`
	InFlight int    `json:"in_flight"`         // exchanges
	Waiting  int    `json:"waiting,omitempty"` // for this one and no other
	// Connections are those that there are, checks' left out.
	Connections int `json:"connections"`
	// Milliseconds is about how long it takes to answer; 0: nobody has asked it yet.
	Milliseconds float64 `json:"latency_ms,omitempty"`
	health.Report
	Failing *Failing `json:"failing,omitempty"` // nil: it was not when it was connected to last
}

// Waiting is how many requests wait until there is a place for them; false if none may.
func (p *Pool) Waiting() (n int, may bool) {
	n = int(p.places.waiting.Load())
	if p.places.EndpointQueue > 0 {
		for _, m := range p.live() {
			n += int(m.line.waiting.Load())
		}
	}
	return n, p.places.Queue+p.places.EndpointQueue > 0
}

// Connections is how many there are to all endpoints, checks' left out.
func (p *Pool) Connections() int { return p.places.open.all() }

// Endpoints returns the endpoints as they are now.
func (p *Pool) Endpoints() []Endpoint {
	out := []Endpoint{}
	for _, m := range p.live() {
		out = append(out, Endpoint{
			Address: m.addr, Zone: m.Zone, Weight: m.Weight, Leaving: m.Terminating, InFlight: m.requests(),
			Waiting: int(m.line.waiting.Load()), Connections: m.open.all(),
			Milliseconds: float64(m.latency.Typical().Microseconds()) / 1000,
			Report:       m.state.Report(), Failing: m.health.failing(),
		})
	}
	return out
}

// requests is how many exchanges there are, checks left out.
func (e *endpoint) requests() int { return max(0, e.pending.all()-int(e.checking.Load())) }

// Panics reports whether so few endpoints are available that all are asked.
func (p *Pool) Panics() bool { return p.health.Panics() }

// Counts are how many endpoints there are in each phase. A name of which nobody has told an address yet is none.
func (p *Pool) Counts() (n [health.Phases]int) {
	if len(p.sources) > 0 && !p.placed.Load() {
		return n
	}
	for _, m := range p.live() {
		n[m.state.Phase()]++
	}
	return n
}

// Unreachable is how many of the endpoints that are up could not be connected to when that was tried last: an upstream's only
// endpoint stays up whatever it does.
func (p *Pool) Unreachable() (n int) {
	for _, m := range p.live() {
		if m.state.Phase() == health.Up && m.health.failing() != nil {
			n++
		}
	}
	return n
}

// InFlight is how many exchanges endpoints are working on.
func (p *Pool) InFlight() (n int) {
	for _, m := range p.live() {
		n += m.requests()
	}
	return n
}
