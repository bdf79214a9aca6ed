package upstream

import (
	"slices"

	"github.com/wafer-waf/wafer/upstream/health"
)

// next returns the index of the endpoint to ask, of those that are available and that x has not tried yet; ok: there is one. The
// list is that of the whole exchange, so that an index means the same endpoint in all its attempts.
func (p *Pool) next(list []member, x *Exchange) (i int, turn health.Turn, ok bool) {
	if len(list) == 0 {
		return 0, turn, false
	}
	first := 0
	if len(x.tried) == 0 {
		first = p.pick(list)
	} else {
		first = x.tried[len(x.tried)-1] + 1
	}
	for n := range list {
		i := (first + n) % len(list)
		if slices.Contains(x.tried, i) {
			continue
		}
		if turn, ok = list[i].state.Take(); ok {
			x.tried = append(x.tried, i)
			return i, turn, true
		}
	}
	return 0, turn, false
}

// pick returns the index of the endpoint to try first.
func (p *Pool) pick(list []member) int {
	n := len(list)
	if n <= 1 {
		return 0
	}
	first := int(p.turn.Add(1) % uint32(n))
	if p.balance == RoundRobin {
		return first
	}
	best, load := first, list[first].pending.Load()
	for i := 1; i < n && load > 0; i++ {
		j := (first + i) % n
		if l := list[j].pending.Load(); l < load {
			best, load = j, l
		}
	}
	return best
}
