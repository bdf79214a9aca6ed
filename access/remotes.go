package access

import (
	"sync"
	"weak"

	"github.com/wafer-waf/wafer/access/token"
)

// remotes are the keys that issuers tell: policies that want the same ones have one Remote, over all configurations.
// It fetches while a policy in force uses it, and is forgotten with the last one that knows it.
type remotes struct {
	mu   sync.Mutex
	all  map[token.RemoteConfig]weak.Pointer[token.Remote]
	uses map[*token.Remote]int
}

// Remote returns the keys that an issuer tells.
func (s *State) Remote(c token.RemoteConfig) (*token.Remote, error) {
	all := &s.remotes
	all.mu.Lock()
	defer all.mu.Unlock()
	for of, known := range all.all {
		if known.Value() == nil {
			delete(all.all, of)
		}
	}
	if r := all.all[c].Value(); r != nil {
		return r, nil
	}
	r, err := token.NewRemote(c, s.KeysTold)
	if err != nil {
		return nil, err
	}
	if all.all == nil {
		all.all = map[token.RemoteConfig]weak.Pointer[token.Remote]{}
	}
	all.all[c] = weak.Make(r)
	return r, nil
}

// Begin says that a policy is in force: what it needs from elsewhere is fetched from now on.
func (s *State) Begin(p *Policy) {
	if p.carried == nil {
		return
	}
	for _, r := range p.carried.remotes {
		s.remotes.use(r)
	}
}

// End says that no request uses a policy any more that was in force.
func (s *State) End(p *Policy) {
	if p.carried == nil {
		return
	}
	for _, r := range p.carried.remotes {
		s.remotes.leave(r)
	}
}

func (all *remotes) use(r *token.Remote) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.uses == nil {
		all.uses = map[*token.Remote]int{}
	}
	if all.uses[r]++; all.uses[r] == 1 {
		r.Start()
	}
}

func (all *remotes) leave(r *token.Remote) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.uses[r]--; all.uses[r] == 0 {
		delete(all.uses, r)
		r.Close()
	}
}
