package access

import "github.com/wafer-waf/wafer/access/store"

// Share has replicas share what they remember. It is called before the first policy is made.
func (s *State) Share(with *store.Store) { s.store = with }
