package upstream

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/upstream/balance"
	"github.com/wafer-waf/wafer/upstream/health"
)

// Share is what an endpoint is beside others.
type Share struct {
	Weight int    // 0: 1
	Zone   string // empty: nobody knows
}

// next returns the index of the endpoint to ask, of those that are available and that x has not tried yet; ok: there is one. The
// list is that of the whole exchange, so that an index means the same endpoint in all its attempts.
func (p *Pool) next(now time.Time, list []member, x *Exchange) (i int, turn health.Turn, ok bool) {
	if len(list) == 0 {
		return 0, turn, false
	}
	among := list[0].among
	a := balance.Ask{Now: now, Key: x.Key, Keyed: x.Keyed, Token: x.Token, Tried: &x.tried}
	for {
		if i, ok = among.Next(&a); !ok && a.Worst == balance.Well {
			a.Worst = balance.Ending
			i, ok = among.Next(&a)
		}
		if !ok {
			return 0, turn, false
		}
		x.tried.Add(i)
		if turn, ok = list[i].state.Take(); ok {
			x.Named = among.Token(i)
			return i, turn, true
		}
	}
}

// KeyOf takes a text for what decides which endpoint is asked.
func (x *Exchange) KeyOf(text string) { x.Key, x.Keyed = balance.Hash(text), true }

// timed notes how long an attempt has taken, if that says something about the endpoint: an error is mostly fast, and
// no reason to ask for more of them; a body that comes from the client takes as long as the client.
func (e *endpoint) timed(now time.Time, took time.Duration, out *message.Request, x *Exchange, err error) {
	if out.Body.Stream != nil || err == nil && x.Response.Status >= 500 || err != nil && (!errors.Is(err, ErrTimeout) || x.cut(took)) {
		return
	}
	e.latency.Note(took, now)
}

// InFlight implements balance.Candidate.
func (m *member) InFlight() int { return m.pending.all() }

// Standing implements balance.Candidate.
func (m *member) Standing(time.Time) balance.Standing {
	switch {
	case !m.state.Available():
		return balance.Sick
	case m.Terminating:
		return balance.Ending
	}
	return balance.Well
}

// Since implements balance.Candidate. Who comes back from an ejection begins anew.
func (m *member) Since() time.Time {
	if since, up := m.state.UpSince(); up {
		return since
	}
	return m.since
}

// Latency implements balance.Candidate.
func (m *member) Latency() *balance.Latency { return &m.latency }

// among makes the list one that is chosen from.
func (p *Pool) among(list []member) {
	members := make([]balance.Member, len(list))
	for i := range list {
		m := &list[i]
		members[i] = balance.Member{Candidate: m, Name: m.addr, Weight: m.Weight, Zone: m.Zone}
	}
	if len(list) == 0 {
		return
	}
	set := balance.New(p.balance, members)
	for i := range list {
		list[i].among = set
	}
}

// Affinity is what of a request decides which endpoint is asked. Who makes requests finds it there (Exchange.Key, Exchange.Token), since
// a Pool does not read them.
type Affinity struct {
	By       By
	Name     string        // of the field, or of the cookie
	SameSite string        // of a cookie that is set, in the words of the field
	MaxAge   time.Duration // likewise; 0: until the browser is closed
}

// By is where it is.
type By uint8

// Where it can be.
const (
	ByNothing By = iota
	ByClient     // its address, of IPv6 the network that is its own
	ByHeader
	ByCookie
	ByPath
	ByToken // a cookie that the tier sets
)

// Explain says in words which endpoint would be asked, with the Key or Token of x, and why.
func (p *Pool) Explain(x *Exchange) string {
	list := p.live()
	if p.untold() {
		var names []string
		for _, s := range p.Sources() {
			names = append(names, s.Name)
		}
		return fmt.Sprintf("%s: among the endpoints of %s, whose answer nobody waited for", p.balance.Policy, strings.Join(names, ", "))
	}
	if len(list) == 0 {
		return "there is no endpoint"
	}
	return list[0].among.Explain(&balance.Ask{Now: time.Now(), Key: x.Key, Keyed: x.Keyed, Token: x.Token})
}
