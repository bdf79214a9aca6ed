package snapshot

import (
	"sync"
	"time"

	"github.com/wafer-waf/wafer/config"
)

// Past is a configuration that was put in force.
type Past struct {
	Reloaded
	Since   time.Time
	Trigger string
	Changes []config.Change // from the one before, without secrets
	More    int             // changes beyond those
}

// Bounds of what is remembered.
const (
	mostPast    = 20
	mostChanges = 200
	mostDetail  = 5 // configurations whose changes are remembered
)

// history is the configurations that were in force, the newest last.
type history struct {
	mu   sync.Mutex
	past []Past
}

// add remembers that a configuration has come into force after another one; nil: after none.
func (h *history) add(result Reloaded, trigger string, before, after any) {
	p := Past{Reloaded: result, Since: time.Now(), Trigger: trigger}
	if before != nil {
		p.Changes, p.More = config.Changes(before, after, mostChanges)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.past = append(h.past, p); len(h.past) > mostPast {
		h.past = append([]Past(nil), h.past[1:]...)
	}
	if old := len(h.past) - mostDetail - 1; old >= 0 {
		h.past[old].More += len(h.past[old].Changes)
		h.past[old].Changes = nil
	}
}

// History returns the configurations that were in force, the newest first.
func (k *Keeper[R]) History() []Past {
	k.history.mu.Lock()
	defer k.history.mu.Unlock()
	var all []Past
	for i := len(k.history.past) - 1; i >= 0; i-- {
		all = append(all, k.history.past[i])
	}
	return all
}

// tree is a configuration as it is told, without secrets: each list by its key.
func (k *Keeper[R]) tree(c *config.Routes) map[string]any {
	told := func(part any) any { return config.Effective(part, k.Builder.Masking.Value) }
	return map[string]any{
		"routes": told(c.Routes), "upstreams": told(c.Upstreams), "policies": told(c.Policies), "access": told(c.Access), "records": told(c.Records),
	}
}

// remember notes what has come into force.
func (k *Keeper[R]) remember(result Reloaded, trigger string, old, now *Snapshot[R]) {
	if old == nil {
		k.history.add(result, trigger, nil, nil)
		return
	}
	k.history.add(result, trigger, k.tree(old.Config), k.tree(now.Config))
}
