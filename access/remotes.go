package access

import (
	"sync"

	"github.com/wafer-waf/wafer/access/token"
)

// remotes are the keys that issuers tell: policies that want the same ones have one Remote, over all configurations.
// It fetches while a policy in force uses it.
type remotes struct {
	mu   sync.Mutex
	all  map[token.RemoteConfig]*token.Remote
	uses map[*token.Remote]int
}

// Remote returns the keys that an issuer tells.
func (s *State) Remote(c token.RemoteConfig) (*token.Remote, error) {
	s.remotes.mu.Lock()
	defer s.remotes.mu.Unlock()
	if r := s.remotes.all[c]; r != nil {
		return r, nil
	}
	return token.NewRemote(c, s.KeysTold)
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
		all.all, all.uses = map[token.RemoteConfig]*token.Remote{}, map[*token.Remote]int{}
	}
	if all.uses[r]++; all.uses[r] == 1 {
		all.all[r.Config()] = r
		r.Start()
	}
}

func (all *remotes) leave(r *token.Remote) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.uses[r]--; all.uses[r] > 0 {
		return
	}
	delete(all.uses, r)
	if all.all[r.Config()] == r {
		delete(all.all, r.Config())
	}
	r.Close()
}
