package upstream

import "github.com/wafer-waf/wafer/upstream/health"

// Begin has the Pool, which is about to be asked, do what nobody asks it for: check its endpoints. What was known of
// them by another Pool, whose place it takes, is known further; nil: there is none. A Pool that has begun
// is not changed.
func (p *Pool) Begin(before *Pool) {
	p.changing.Lock()
	defer p.changing.Unlock()
	if p.begun || p.closed || p == before {
		return
	}
	p.begun = true
	list := p.live()
	if before != nil {
		p.heritage = map[string]*health.State{}
		for _, m := range before.live() {
			p.heritage[m.addr] = m.state
		}
		before.rest()
		for _, m := range list {
			m.state = p.state(m.addr)
		}
		p.keep(list)
	}
	for _, m := range list {
		p.watch(m.endpoint)
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

// state is the health of an endpoint that is new to the Pool. It may be an address that the Pool before had found, and this
// one finds later.
func (p *Pool) state(addr string) *health.State {
	if s := p.heritage[addr]; s != nil {
		delete(p.heritage, addr)
		return p.health.Heir(s)
	}
	return p.health.New(addr)
}
