package transform

import "github.com/wafer-waf/wafer/waf/screen/byteset"

// Chain is the transformations of a rule in their order. The empty chain is the identity.
type Chain []*Transformation

// Touches returns the bytes of which a value must hold at least one to be changed by the chain; ok
// is false if the chain has a transformation without such a set.
func (c Chain) Touches() (set byteset.Set, ok bool) {
	for _, t := range c {
		own, ok := t.Touches()
		if !ok {
			return 0, false
		}
		set |= own
	}
	return set, true
}

// Apply returns what the operator of a rule with this chain is given for s (executeTransformations
// of Coraza): the last result, whatever the transformations report as changed. It is s itself if it
// equals s.
func (c Chain) Apply(s string, buf *Buffer) string {
	out := s
	for _, t := range c {
		out, _ = t.Apply(out, buf)
	}
	if out == s {
		return s
	}
	return out
}

// Each calls yield, until it returns false, with the values the operator of a multiMatch rule with
// this chain is given for s (executeTransformationsMultimatch of Coraza): s, and each result that
// is reported as changed. A result that differs without being reported is dropped, and the next
// transformation starts from the value before it.
func (c Chain) Each(s string, buf *Buffer, yield func(string) bool) {
	if !yield(s) {
		return
	}
	for _, t := range c {
		out, changed := t.Apply(s, buf)
		if !changed {
			continue
		}
		if !yield(out) {
			return
		}
		s = out
	}
}
