package proxy

import (
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/upstream"
	"github.com/wafer-waf/wafer/upstream/health"
)

// healthChanged tells of an endpoint that requests are kept from, or led to again. That an attempt which was to end an
// ejection has failed is counted, and is no change.
func (p *Proxy) healthChanged(upstreamID string, c health.Change) {
	if c.To == health.Ejected && c.From != health.Down { // from there it is the same ejection
		p.metrics.Ejected(upstreamID, c.Reason)
	}
	if c.From == c.To {
		return
	}
	event := p.log.Warn()
	if c.To == health.Up {
		event = p.log.Info()
	}
	event = event.Str("upstream", upstreamID).Str("endpoint", c.Address).Str("state", c.To.String()).Dur("lasted_ms", c.Lasted)
	if c.Reason != "" {
		event = event.Str("reason", c.Reason)
	}
	if c.Detail != "" {
		event = event.Str("error", c.Detail)
	}
	switch c.To {
	case health.Ejected:
		event.Dur("for_ms", c.For).Int("ejections", c.Times).Msg("endpoint is ejected")
	case health.Down:
		event.Msg("endpoint is down")
	default:
		event.Msg("endpoint is up")
	}
}

// upstreamPanics tells that all endpoints of an upstream are asked since too few are available, or that this is over.
func (p *Proxy) upstreamPanics(upstreamID string, panics bool, available, of int) {
	if panics {
		p.log.Error().Str("upstream", upstreamID).Int("available", available).Int("endpoints", of).
			Msg("too few endpoints are available, all are asked")
		return
	}
	p.log.Info().Str("upstream", upstreamID).Int("available", available).Int("endpoints", of).
		Msg("enough endpoints are available again")
}

// unreachable is what metrics call endpoints that are asked though they could not be connected to last.
const unreachable = "unreachable"

// upstreamsNow is what instruments say of the upstreams in force.
func (p *Proxy) upstreamsNow() (all []metrics.Upstream) {
	if !p.Loaded() {
		return nil
	}
	p.snapshots.EachUpstream(func(u *upstream.Pool) {
		one := metrics.Upstream{ID: u.ID(), Panics: u.Panics(), InFlight: u.InFlight(), Open: u.Connections(), Endpoints: map[string]int{}}
		one.Waiting, one.Queues = u.Waiting()
		for _, s := range u.Sources() {
			one.Sources++
			if s.Failing != nil && s.Failing.Reason != upstream.None.Word {
				one.Silent++
			}
		}
		for phase, n := range u.Counts() {
			if p := health.Phase(phase); n > 0 || p == health.Up { // thousands of upstreams cost a series each, not three
				one.Endpoints[p.String()] = n
			}
		}
		if n := min(u.Unreachable(), one.Endpoints[health.Up.String()]); n > 0 { // between the two looks one may have come back
			one.Endpoints[unreachable] = n
			one.Endpoints[health.Up.String()] -= n
		}
		all = append(all, one)
	})
	return all
}
