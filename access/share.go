package access

import "context"

// KeepUp keeps up what replicas share until ctx ends. Known is called once, when what others have shared is known here, or
// cannot be for now.
func (s *State) KeepUp(ctx context.Context, known func()) {
	known()
	<-ctx.Done()
}
