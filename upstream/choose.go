package upstream

import "slices"

// next returns the index of the endpoint to ask, of those that x has not tried yet; ok: there is one. The
// list is that of the whole exchange, so that an index means the same endpoint in all its attempts.
func (p *Pool) next(list []member, x *Exchange) (i int, ok bool) {
	if len(x.tried) == 0 {
		return p.pick(list), len(list) > 0
	}
	last := x.tried[len(x.tried)-1]
	for n := 1; n < len(list); n++ {
		if i := (last + n) % len(list); !slices.Contains(x.tried, i) {
			return i, true
		}
	}
	return 0, false
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
