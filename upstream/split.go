package upstream

import (
	"slices"
	"sync/atomic"

	"github.com/wafer-waf/wafer/upstream/balance"
)

// Part is one choice of a Split. Parts with a weight of 0 or less are never chosen.
type Part struct {
	Pool   *Pool
	Weight int
}

// Split shares requests among pools by weight. It takes no lock.
type Split struct {
	slots []*Pool
	turn  atomic.Uint64
}

// NewSplit returns a Split over parts. The choices repeat after a sequence in which each
// pool comes as often as its weight says, spread evenly, with up to 1000 parts to 0.1 % of the
// requests (balance.Sequence).
func NewSplit(parts []Part) *Split {
	weights := make([]int, len(parts))
	for i, p := range parts {
		weights[i] = p.Weight
	}
	s := &Split{}
	for _, i := range balance.Sequence(weights) {
		s.slots = append(s.slots, parts[i].Pool)
	}
	return s
}

// Pools returns all that can be picked.
func (s *Split) Pools() []*Pool {
	var all []*Pool
	for _, p := range s.slots {
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

// Pick returns the next pool, nil if no part has a weight.
func (s *Split) Pick() *Pool {
	switch n := uint64(len(s.slots)); n {
	case 0:
		return nil
	case 1:
		return s.slots[0]
	default:
		return s.slots[(s.turn.Add(1)-1)%n]
	}
}
