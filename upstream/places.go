package upstream

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/wafer-waf/wafer/message"
)

// Limits bound what an upstream gets at once; 0: no limit.
type Limits struct {
	Connections      int           // to all endpoints together
	InFlight         int           // requests at all endpoints together
	EndpointInFlight int           // at each
	Queue            int           // requests that wait until there is a place; 0: none do
	EndpointQueue    int           // that wait for the endpoint that their key or token names, and no other; 0: none do
	Patience         time.Duration // how long
}

// places are what an upstream has for requests, and the line of those that have found none.
type places struct {
	Limits
	line
	taken *tally
	open  *tally       // connections
	all   atomic.Int32 // exchanges that endpoints have, checks included
	spare func() bool  // has an endpoint close a connection on which nothing is asked
}

func (p *places) limit(l Limits) {
	p.Limits, p.taken, p.open = l, &tally{}, &tally{}
	p.line.most, p.line.patience = l.Queue, l.Patience
}

// take takes a place for a request, if there is one.
func (p *places) take() bool { return p.InFlight == 0 || p.taken.take(p.InFlight) }

// oneMore counts one more up to a limit. The count is never above it, not even for a moment, in which somebody else would find no
// place although there is one.
func oneMore(n *atomic.Int32, limit int) bool {
	for {
		was := n.Load()
		if int(was) >= limit {
			return false
		}
		if n.CompareAndSwap(was, was+1) {
			return true
		}
	}
}

// give gives the place back.
func (p *places) give() {
	if p.InFlight > 0 {
		p.taken.Add(-1)
		p.wake()
	}
}

// connect takes the place of a connection, if there is one.
func (p *places) connect() bool {
	if p.Connections > 0 {
		return p.open.take(p.Connections)
	}
	p.open.Add(1)
	return true
}

// disconnect gives it back.
func (p *places) disconnect() {
	p.open.Add(-1)
	if p.Connections > 0 {
		p.wake()
	}
}

// spareOne closes a connection on which nothing is asked. It reports false if there is none.
func (p *Pool) spareOne() bool {
	for _, m := range p.live() {
		if m.kept.closeOldest() || m.mux != nil && m.mux.closeUnused() {
			return true
		}
	}
	return false
}

// admit makes an exchange when there is a place for it. What belongs to one endpoint may wait for that one while others have places.
func (p *Pool) admit(out *message.Request, x *Exchange) error {
	try := func() error { return p.try(out, x) }
	if p.places.EndpointQueue == 0 || !x.Keyed && x.Token == "" {
		return p.places.queue(p.ctx, x, try)
	}
	x.stays = true
	err := try()
	if errors.Is(err, ErrBusy) && x.own != nil {
		err = x.own.line.wait(p.ctx, x, try)
	}
	if !errors.Is(err, ErrBusy) || errors.Is(err, errWaited) {
		return err
	}
	x.stays, x.own = false, nil
	return p.places.queue(p.ctx, x, try)
}

// belongs reports whether an endpoint is the one that the key or the token of the request leads to.
func (a *attempts) belongs() bool {
	return a.x.tried.Len() == 1 && (a.x.Keyed || a.x.Token != "" && a.x.Token == a.x.Named)
}

// enter begins the use of the endpoint that is chosen, if it takes one more request: those that wait for it come first.
func (a *attempts) enter(e *endpoint) bool {
	if !e.line.empty() && a.x.own != e && !a.same {
		return false
	}
	return e.enter()
}
