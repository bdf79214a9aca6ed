package api

import (
	"net/netip"
	"sync"
	"time"
)

// A pod that has not answered in its time has less of it for a while, so that one that hangs does not have every question wait: few
// can be asked at a time.
const (
	silentFor   = 10 * time.Second
	lessPatient = 8
)

// patience is how long pods are waited for.
type patience struct {
	mu     sync.Mutex
	silent map[netip.AddrPort]time.Time // when it was noticed
}

// of a pod, which has so much time at most.
func (p *patience) of(at netip.AddrPort, within time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if since, silent := p.silent[at]; silent && time.Since(since) < silentFor {
		return within / lessPatient
	}
	return within
}

// note notes whether a pod was silent.
func (p *patience) note(at netip.AddrPort, silent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !silent {
		delete(p.silent, at)
		return
	}
	if p.silent == nil {
		p.silent = map[netip.AddrPort]time.Time{}
	}
	for one, since := range p.silent { // few, even if pods come and go
		if time.Since(since) >= silentFor {
			delete(p.silent, one)
		}
	}
	if _, known := p.silent[at]; !known {
		p.silent[at] = time.Now()
	}
}
