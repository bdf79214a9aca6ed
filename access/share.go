package access

import (
	"context"

	"github.com/wafer-waf/wafer/access/store"
)

// KeepUp keeps up what replicas share until ctx ends. Known is called once, when what others have shared is known here, or
// cannot be for now.
func (s *State) KeepUp(ctx context.Context, known func()) {
	known()
	<-ctx.Done()
}

// Share has replicas share what they remember. It is called before the first policy is made.
func (s *State) Share(with *store.Store) { s.store = with }
