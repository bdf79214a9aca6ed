package upstream

import (
	"github.com/wafer-waf/wafer/upstream/discover"
	"github.com/wafer-waf/wafer/upstream/health"
)

// Begin has the Pool, which is about to be asked, do what nobody asks it for: check its endpoints. What was known of
// them by another Pool, whose place it takes, is known further; nil: there is none. A Pool that takes the place of its
// successor goes on with what it knows itself: requests of earlier may still be asking.
func (p *Pool) Begin(before *Pool) {
	p.changing.Lock()
	defer p.changing.Unlock()
	if p.begun || p.closed || p == before {
		return
	}
	if before != nil {
		before.rest()
		if !p.served {
			p.inherit(before)
		}
	}
	p.begun, p.served = true, true
	for _, m := range p.live() {
		p.watch(m.endpoint)
	}
}

// inherit takes over what another Pool knows.
func (p *Pool) inherit(before *Pool) {
	p.heritage = map[string]legacy{}
	for _, m := range before.live() {
		p.heritage[m.addr] = legacy{m.state, m.pending, m.open}
	}
	p.places.taken.follow(before.places.taken)
	p.places.open.follow(before.places.open)
	list := p.live()
	for _, m := range list {
		p.adopt(m.endpoint)
	}
	p.keep(list)
	p.believe(before.told())
}

// told is what each source has told last.
func (p *Pool) told() map[string][]discover.Target {
	p.changing.Lock()
	defer p.changing.Unlock()
	all := map[string][]discover.Target{}
	for i := range p.sources {
		all[p.sources[i].failing.place] = p.sources[i].targets
	}
	return all
}

// believe takes what sources have told another Pool for what they have not said yet: a name server that fails during a reload takes
// no endpoint away.
func (p *Pool) believe(told map[string][]discover.Target) {
	var now []discover.Target
	for i := range p.sources {
		f := &p.sources[i]
		if f.targets == nil {
			f.targets = told[f.failing.place]
		}
		if f.targets == nil {
			return
		}
		now = append(now, f.targets...)
	}
	if len(p.sources) > 0 {
		p.replace(now, p.config)
	}
}

// rest ends what the Pool does on its own, since another one takes its place. What it was asked goes on.
func (p *Pool) rest() {
	p.changing.Lock()
	defer p.changing.Unlock()
	p.begun = false
	for _, m := range p.live() {
		if m.unwatch != nil {
			m.unwatch()
		}
	}
}

// legacy is what an endpoint leaves to the one that takes its place in another Pool.
type legacy struct {
	state         *health.State
	pending, open *tally
}

// adopt gives an endpoint that is new to the Pool its health. It may be an address that the Pool before had found, and this
// one finds later.
func (p *Pool) adopt(e *endpoint) {
	old, ok := p.heritage[e.addr]
	if !ok {
		if e.state == nil {
			e.state = p.health.New(e.addr)
		}
		return
	}
	delete(p.heritage, e.addr)
	e.state = p.health.Heir(old.state)
	e.pending.follow(old.pending)
	e.open.follow(old.open)
}
