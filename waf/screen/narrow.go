package screen

import (
	"cmp"
	"iter"
	"slices"
)

// spare is a rule that is left out unless its guard is met.
type spare struct {
	id int
	n  int // among the screen's rules; -1: it is never left out
}

// spares are the rules of a phase and, never left out, those of the phases behind it, by id.
func (s *Screen) spares(phase int) (list []spare) {
	spared := map[int]int{}
	for _, r := range s.rules {
		if r.Omittable && r.Phase == phase {
			spared[r.ID] = r.Number
		}
	}
	for _, r := range s.read {
		n, ok := spared[r.ID]
		if !ok {
			n = -1
		}
		if r.Phase >= phase {
			list = append(list, spare{r.ID, n})
		}
	}
	slices.SortFunc(list, func(a, b spare) int { return cmp.Compare(a.id, b.id) })
	return list
}

// RuledOut yields the rules of a phase that was screened in full which cannot match: ranges of
// their ids, in order, in which no other rule of this phase or a later one is.
func (r *Run) RuledOut(phase int) iter.Seq2[int, int] {
	return func(yield func(from, to int) bool) {
		if phase > r.seen {
			return
		}
		list := r.screen.spared[phase]
		for i := 0; i < len(list); i++ {
			if !r.isOut(&list[i]) {
				continue
			}
			from := list[i].id
			for i+1 < len(list) && r.isOut(&list[i+1]) {
				i++
			}
			if !yield(from, list[i].id) {
				return
			}
		}
	}
}

func (r *Run) isOut(s *spare) bool { return s.n >= 0 && !r.isMet(s.n) }
