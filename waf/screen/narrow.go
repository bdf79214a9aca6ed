package screen

import (
	"cmp"
	"iter"
	"slices"
)

// omission is a rule that Coraza leaves out unless its guard was satisfied.
type omission struct {
	id   int
	rule int // among the screen's rules; -1: it is never left out
}

// omissionsOf returns, by id, the rules of a phase, and those of the phases behind it, which
// are never left out.
func (s *Screen) omissionsOf(phase int) (list []omission) {
	omittable := map[int]int{}
	for _, r := range s.rules {
		if r.Omittable && r.Phase == phase {
			omittable[r.ID] = r.Number
		}
	}
	for _, r := range s.read {
		n, ok := omittable[r.ID]
		if !ok {
			n = -1
		}
		if r.Phase >= phase {
			list = append(list, omission{r.ID, n})
		}
	}
	slices.SortFunc(list, func(a, b omission) int { return cmp.Compare(a.id, b.id) })
	return list
}

// RuledOut yields the rules of a phase that was screened in full which cannot match: ranges of
// their ids, in order, in which no other rule of this phase or a later one is.
func (r *Run) RuledOut(phase int) iter.Seq2[int, int] {
	return func(yield func(from, to int) bool) {
		if phase > r.seen {
			return
		}
		list := r.screen.omissions[phase]
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

func (r *Run) isOut(o *omission) bool { return o.rule >= 0 && !r.isTriggered(o.rule) }
