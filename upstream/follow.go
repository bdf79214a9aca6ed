package upstream

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/wafer-waf/wafer/upstream/discover"
	"github.com/wafer-waf/wafer/upstream/health"
)

// Unfound is why a source does not say where endpoints are, if it is no name.
var Unfound = Failure{http.StatusServiceUnavailable, "discovery"}

// followed is what one source has told.
type followed struct {
	targets []discover.Target // told last, as far as it knew; nil: it has never known any
	told    bool
	failing changes
}

// take takes into account what the source tells.
func (f *followed) take(targets []discover.Target, err error) {
	if err = unfound(f.failing.place, err); err != nil && targets != nil && len(targets) == 0 {
		err = &knownError{None, err}
	}
	f.failing.note(err)
	if targets != nil {
		f.targets = targets
	}
	f.told = true
}

// unfound gives an error of a source its word.
func unfound(place string, err error) error {
	var name *net.DNSError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &name):
		return &ConnectError{place, err}
	}
	return &knownError{Unfound, err}
}

// follow keeps the pool's endpoints as sources tell, each of which has its own last good answer.
func (p *Pool) follow(ctx context.Context, c *Config) {
	all := make([]followed, len(c.Sources))
	found := sync.OnceFunc(func() { close(p.found) })
	for i, s := range c.Sources {
		all[i].failing.place, all[i].failing.tell = s.String(), c.SourceChanged
	}
	p.sources = all
	for i, s := range c.Sources {
		f := &all[i]
		go s.Watch(ctx, func(targets []discover.Target, err error) {
			if ctx.Err() != nil {
				return
			}
			p.changing.Lock()
			defer p.changing.Unlock()
			f.take(targets, err)
			var now []discover.Target
			known, told := false, true
			for i := range all {
				now = append(now, all[i].targets...)
				known = known || all[i].targets != nil
				told = told && all[i].told
			}
			if told && known {
				p.replace(now, c)
			}
			if told {
				found()
			}
		})
	}
}

// Source is who says where endpoints are: a name, or a Service.
type Source struct {
	Name    string   `json:"name"`
	Failing *Failing `json:"failing,omitempty"` // why it does not say it; what it has said last is in force
}

// Sources returns who says where endpoints are, if they are not as configured.
func (p *Pool) Sources() (out []Source) {
	for i := range p.sources {
		f := &p.sources[i].failing
		out = append(out, Source{f.place, f.failing()})
	}
	return out
}

// untold reports whether somebody who says where endpoints are has not done so yet.
func (p *Pool) untold() bool {
	if len(p.sources) == 0 {
		return false
	}
	select {
	case <-p.found:
		return false
	default:
		return true
	}
}

// known returns the endpoints as they are now. Where nobody has said yet who is there, it waits for that as long as for a
// connection, so that the first requests after a start or a reload do not fail.
func (p *Pool) known(x *Exchange) []member {
	list := p.live()
	if len(list) > 0 {
		return list
	}
	wait := p.connect
	if !x.Deadline.IsZero() {
		wait = min(wait, time.Until(x.Deadline))
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-p.found:
	case <-p.ctx.Done():
	case <-t.C:
	}
	return p.live()
}

// place is what makes an endpoint another one.
type place struct{ addr, host string }

// replace makes all the endpoints. Those that stay keep their connections and what is known of how they do, those that go
// finish what they have begun. The caller holds p.changing.
func (p *Pool) replace(all []discover.Target, c *Config) {
	old := p.live()
	p.placed.Store(true)
	if p.closed || slices.EqualFunc(old, all, func(m member, to discover.Target) bool { return m.Target == to }) {
		return
	}
	at := make(map[place]*endpoint, len(old))
	for _, m := range old {
		at[place{m.addr, m.host}] = m.endpoint
	}
	list := make([]member, 0, len(all))
	stays := make(map[*endpoint]bool, len(all))
	for _, to := range all {
		e := at[place{to.Address, to.Host}]
		if e == nil {
			e = p.newEndpoint(to, c)
			at[place{to.Address, to.Host}] = e
		}
		if !stays[e] { // two names may have one address
			stays[e] = true
			list = append(list, member{endpoint: e, Target: to})
		}
	}
	p.keep(list)
	for _, m := range old {
		if !stays[m.endpoint] {
			m.close()
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
	p.among(list)
	p.endpoints.Store(&list)
}
