package upstream

import (
	"context"
	"slices"

	"github.com/wafer-waf/wafer/upstream/discover"
	"github.com/wafer-waf/wafer/upstream/health"
)

// followed is what one source has told.
type followed struct {
	targets []discover.Target // last without an error; nil: nothing yet
	failing changes
}

// follow keeps the pool's endpoints as sources tell, each of which has its own last good answer.
func (p *Pool) follow(ctx context.Context, c *Config) {
	all := make([]followed, len(c.Sources))
	for i, s := range c.Sources {
		f := &all[i]
		f.failing.place, f.failing.tell = s.String(), c.Changed
		go s.Watch(ctx, func(targets []discover.Target, err error) {
			if ctx.Err() != nil {
				return
			}
			f.failing.note(err)
			p.changing.Lock()
			defer p.changing.Unlock()
			if err == nil {
				f.targets = targets
			}
			var now []discover.Target
			for i := range all {
				now = append(now, all[i].targets...)
			}
			p.replace(now, c)
		})
	}
}

// replace makes all the endpoints. Those that stay keep their connections and what is known of how they do, those that go
// finish what they have begun. No address at all changes nothing. The caller holds p.changing.
func (p *Pool) replace(all []discover.Target, c *Config) {
	old := p.live()
	if p.closed || len(all) == 0 || slices.EqualFunc(old, all, func(m member, to discover.Target) bool { return m.Target == to }) {
		return
	}
	var list []member
	for _, to := range all {
		i := slices.IndexFunc(old, func(m member) bool { return m.addr == to.Address && m.host == to.Host })
		if i >= 0 {
			list = append(list, member{old[i].endpoint, to})
		} else {
			list = append(list, member{p.newEndpoint(to, c), to})
		}
	}
	p.keep(list)
	for _, o := range old {
		if !slices.ContainsFunc(list, func(m member) bool { return m.endpoint == o.endpoint }) {
			o.close()
		}
	}
}

// keep makes the endpoints those of the list.
func (p *Pool) keep(list []member) {
	states := make([]*health.State, len(list))
	for i := range list {
		states[i] = list[i].state
	}
	p.health.Keep(states)
	p.endpoints.Store(&list)
}
