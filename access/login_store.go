package access

import (
	"context"
	"time"

	"github.com/wafer-waf/wafer/access/store"
)

// sharedLogins is the store as logins use it.
type sharedLogins struct{ state *State }

func (s sharedLogins) store() *store.Store {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	return s.state.store
}

// Up implements [login.Shared].
func (s sharedLogins) Up() bool {
	shared := s.store()
	return shared != nil && shared.Up()
}

// Spend implements [login.Shared].
func (s sharedLogins) Spend(ctx context.Context, keys [][16]byte, costs []time.Duration) ([]time.Duration, error) {
	buckets, owed := make([]store.Bucket, len(keys)), make([]store.Owed, len(keys))
	for i := range keys {
		buckets[i] = store.Bucket{Key: keys[i], Cost: costs[i]}
	}
	if err := s.store().Spend(ctx, buckets, owed); err != nil {
		return nil, err
	}
	owes := make([]time.Duration, len(owed))
	for i := range owed {
		owes[i] = owed[i].Owes
	}
	return owes, nil
}
