package access

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/access/rate"
)

// LimitSpec is a limit of a policy.
type LimitSpec struct {
	rate.Spec       // its ID is that within the policy
	When      *When // nil: it applies to every request
	Off       bool
}

// limits are those of a policy.
type limits struct {
	state   *rate.State
	all     []limit
	observe bool
	status  int // of who lacks a part of a key
	count   func(rule string, v Verdict, would bool)
}

// limit is a limit, compiled.
type limit struct {
	*rate.Limit
	tests tests
}

// compileLimits makes the limits of a policy; nil: it has none.
func (s *State) compileLimits(p *Policy, all []LimitSpec, report func(key string, err error)) *limits {
	if len(all) == 0 {
		return nil
	}
	l := &limits{state: s.limits(), observe: p.observe, status: p.status, count: p.count}
	for i := range all {
		of := &all[i]
		tests := compileWhen(of.When, true, func(key string, err error) { report(fmt.Sprintf("limits[%d].when.%s", i, key), err) })
		if of.Off {
			continue
		}
		p.paths = p.paths || of.When.readsPaths() || readsTemplates(of.Key)
		spec := of.Spec
		spec.ID, spec.Name = p.id+"/"+of.ID, of.ID
		l.all = append(l.all, limit{l.state.Limit(spec), tests})
	}
	if len(l.all) == 0 {
		return nil
	}
	return l
}

func readsTemplates(key []rate.Part) bool {
	for i := range key {
		if key[i].Kind == rate.PartTemplate {
			return true
		}
	}
	return false
}

// follow reports whether one of the limits has to know what becomes of requests.
func (l *limits) follow() bool {
	for i := range l.all {
		if l.all[i].Afterwards() {
			return true
		}
	}
	return false
}

// Decide implements [Part].
func (l *limits) Decide(r *Request) (d Decision) {
	if r.Dry {
		return d
	}
	asked := &r.scratch.limits
	for i := range l.all {
		if of := &l.all[i]; of.tests.missed(r) == "" {
			asked.Add(of.Limit, (*keyed)(r), l.observe)
		}
	}
	if asked.Len() == 0 {
		return d
	}
	said := asked.Decide(context.Background(), l.state, r.Now)
	d.Fields = asked.AppendFields(nil)
	d.Wait = said.Wait
	if said.Would != nil && l.observe && said.Would.Mode != rate.Observe { // the policy is observed, and ends here
		d.Verdict, d.Rule = verdictWhy(said.WouldWhy), said.Would.Name
		return d
	}
	if said.Would != nil {
		v := verdictWhy(said.WouldWhy)
		d.would(v, said.Would.Name)
		l.count(said.Would.Name, v, true)
	}
	if said.Limit == nil {
		return d
	}
	d.Verdict, d.Rule, d.RetryAfter = verdictWhy(said.Why), said.Limit.Name, said.RetryAfter
	switch said.Why {
	case rate.NoKey:
		d.Status = l.status
	case rate.NoStore:
		d.Status = http.StatusServiceUnavailable
	default:
		d.Status = http.StatusTooManyRequests
	}
	return d
}

func verdictWhy(why rate.Why) Verdict {
	if why == rate.NoKey {
		return Deny
	}
	return Limit
}

// Explain implements [Part].
func (l *limits) Explain(r *Request) string {
	var apply []string
	for i := range l.all {
		of := &l.all[i]
		if of.tests.missed(r) != "" {
			continue
		}
		says := of.Name
		if whole := of.Whole((*keyed)(r)); !whole && of.Missing == rate.Skip {
			continue
		} else if !whole && of.Missing == rate.Deny {
			says += " (denies it: a part of the key is missing)"
		} else if !whole {
			says += " (with all that lack a part of the key)"
		}
		if l.observe || of.Mode == rate.Observe {
			says += " (only observed)"
		}
		apply = append(apply, says)
	}
	if apply == nil {
		return "none applies"
	}
	return strings.Join(apply, ", ") + "; how much is left, only the tier that serves knows"
}

// Done implements [Follower].
func (l *limits) Done(r *Request, _ *Decision, o *Outcome) {
	r.scratch.limits.Done(l.state, time.Now(), &rate.Outcome{Status: o.Status, Score: o.Score, BytesIn: o.BytesIn, BytesOut: o.BytesOut})
}

// Waited is called when a request that is made to wait ([Decision.Wait]) goes on, or has gone away.
func (r *Request) Waited() { r.scratch.limits.Waited() }

// Limits are how all limits stand, by the ids of policies and limits.
func (s *State) Limits() []rate.Standing {
	s.mu.Lock()
	rates := s.rates
	s.mu.Unlock()
	if rates == nil {
		return nil
	}
	return rates.Standings()
}

// limits is what limits remember.
func (s *State) limits() *rate.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rates == nil {
		var shared rate.Store
		if s.store != nil {
			shared = sharedLimits{s.store}
		}
		s.rates = rate.NewState(shared)
	}
	return s.rates
}

// Close ends what runs in the background.
func (s *State) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rates != nil {
		s.rates.Close()
	}
}
