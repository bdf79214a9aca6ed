package balance

import (
	"math/bits"
	"sync/atomic"
)

// group are members among which one is drawn, or has its turn, by weight.
type group struct {
	members []int
	ends    []uint64 // where in the sum of all weights each of them ends; nil: all weights are equal
	order   []int    // for turns
	turn    atomic.Uint64
}

func (s *Set) group(members []int) *group {
	g := &group{members: members}
	weights := make([]int, len(members))
	total, equal := uint64(0), true
	for k, i := range members {
		weights[k] = s.members[i].Weight
		equal = equal && weights[k] == weights[0]
		total += uint64(weights[k])
		g.ends = append(g.ends, total)
	}
	if equal {
		g.ends = nil
	}
	if s.Policy == RoundRobin {
		for _, k := range Sequence(weights) {
			g.order = append(g.order, members[k])
		}
		g.turn.Store(s.random() % uint64(len(g.order))) // not all replicas begin with the same
	}
	return g
}

// draw returns the place of the member that a random number stands for.
func (g *group) draw(random uint64) int {
	if g.ends == nil {
		place, _ := bits.Mul64(random, uint64(len(g.members)))
		return int(place)
	}
	x, _ := bits.Mul64(random, g.ends[len(g.ends)-1])
	return g.at(x)
}

// other is draw among all but one.
func (g *group) other(random uint64, but int) int {
	if g.ends == nil {
		place, _ := bits.Mul64(random, uint64(len(g.members)-1))
		if place >= uint64(but) {
			place++
		}
		return int(place)
	}
	begin := uint64(0)
	if but > 0 {
		begin = g.ends[but-1]
	}
	weight := g.ends[but] - begin
	x, _ := bits.Mul64(random, g.ends[len(g.ends)-1]-weight)
	if x >= begin {
		x += weight
	}
	return g.at(x)
}

// at is the place of the member at a point of the sum of all weights.
func (g *group) at(x uint64) int {
	low, high := 0, len(g.ends)-1
	for low < high {
		if middle := int(uint(low+high) / 2); x < g.ends[middle] {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low
}

// next returns the member whose turn it is.
func (g *group) next() int { return g.order[(g.turn.Add(1)-1)%uint64(len(g.order))] }

// longest bounds a Sequence.
const longest = 1000

// Sequence returns indexes of weights in an order in which each comes as often as its weight says, spread evenly. Those without
// one, or with less than none, do not come. Weights are divided by their greatest common divisor; if they still add up to more
// than 1000, they are scaled to about that and rounded to the nearest, but not to zero: a share is then exact to 0.1 % of
// the whole, and none above zero is below it (with up to 1000 weights).
func Sequence(weights []int) []int {
	reduced, total := reduce(weights)
	// Smooth weighted round robin: at every turn each gains its weight, the richest is chosen and pays the total.
	order := make([]int, total)
	credit := make([]int, len(reduced))
	for turn := range order {
		best := -1
		for i, w := range reduced {
			credit[i] += w
			if w > 0 && (best < 0 || credit[i] > credit[best]) {
				best = i
			}
		}
		credit[best] -= total
		order[turn] = best
	}
	return order
}

// reduce returns weights of the same proportions that are as small as they can be, and their sum.
func reduce(weights []int) (reduced []int, total int) {
	reduced = make([]int, len(weights))
	divisor := 0
	for i, w := range weights {
		reduced[i] = max(w, 0)
		divisor = gcd(divisor, reduced[i])
	}
	if divisor == 0 {
		return reduced, 0
	}
	for i := range reduced {
		reduced[i] /= divisor
		total += reduced[i]
	}
	if total <= longest {
		return reduced, total
	}
	all := total
	total = 0
	for i, w := range reduced {
		if w > 0 {
			reduced[i] = max(1, int(float64(w)*longest/float64(all)+0.5))
		}
		total += reduced[i]
	}
	return reduced, total
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
