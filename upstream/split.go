package upstream

import "sync/atomic"

// maxSlots bounds the sequence of a Split.
const maxSlots = 1000

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
// pool has slots in proportion to its weight, spread evenly. Weights are divided by their
// greatest common divisor; if they still add up to more than 1000, they are scaled to
// about 1000 slots and rounded to the nearest, but not to zero: a share is then exact to
// 0.1 % of the requests, and no share above zero is below 0.1 % (with up to 1000 parts).
func NewSplit(parts []Part) *Split {
	weights := make([]int, len(parts))
	divisor, total := 0, 0
	for i, p := range parts {
		weights[i] = max(p.Weight, 0)
		divisor = gcd(divisor, weights[i])
	}
	if divisor == 0 {
		return &Split{}
	}
	for i := range weights {
		weights[i] /= divisor
		total += weights[i]
	}
	if total > maxSlots {
		all := total
		total = 0
		for i, w := range weights {
			if w > 0 {
				weights[i] = max(1, int((float64(w)*maxSlots)/float64(all)+0.5))
			}
			total += weights[i]
		}
	}
	// Smooth weighted round robin: every slot each part gains its weight, the richest is
	// chosen and pays the total.
	s := &Split{slots: make([]*Pool, total)}
	credit := make([]int, len(parts))
	for k := range s.slots {
		best := -1
		for i, w := range weights {
			credit[i] += w
			if w > 0 && (best < 0 || credit[i] > credit[best]) {
				best = i
			}
		}
		credit[best] -= total
		s.slots[k] = parts[best].Pool
	}
	return s
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

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
