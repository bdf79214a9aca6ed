package prefilter

import "slices"

// language is what is known of the strings that a part of a pattern matches, all folded.
type language struct {
	// exact, if not nil, has every string the part can match; none: it cannot match.
	exact []string
	// Otherwise each match starts with one string of prefix, ends with one of suffix, and
	// satisfies need.
	prefix, suffix []string
	need           Need
}

// Bounds on sets of strings; a set that would be larger is given up for something weaker.
const (
	maxProduct = 200  // strings of a concatenation
	maxUnion   = 4096 // strings of an alternation
	maxEdge    = 24   // bytes of a prefix or suffix
)

var (
	unknown = []string{""}
	nothing = language{exact: []string{}} // what cannot match
)

func exactly(set ...string) language { return language{exact: set} }

// something is a language of which only a need is known.
func something(n Need) language { return language{prefix: unknown, suffix: unknown, need: n} }

func (l language) dead() bool { return l.exact != nil && len(l.exact) == 0 }

// condition returns the need of a value that contains a match.
func (l language) condition() Need {
	if l.exact != nil {
		return anyOf(l.exact)
	}
	return l.need
}

// open forgets that a language is known exactly.
func (l language) open() language {
	if l.exact == nil {
		return l
	}
	return language{prefix: edge(l.exact, head), suffix: edge(l.exact, tail), need: anyOf(l.exact)}
}

// optional adds the empty string.
func (l language) optional() language {
	if l.exact != nil {
		return exactly(union(l.exact, unknown)...)
	}
	return something(Always())
}

// then is the concatenation of two languages.
func (l language) then(next language) language {
	if l.dead() || next.dead() {
		return nothing
	}
	if l.exact != nil && next.exact != nil {
		if both := product(l.exact, next.exact); both != nil {
			return exactly(both...)
		}
	}
	a, b := l.open(), next.open()
	joined := language{prefix: a.prefix, suffix: b.suffix}
	ends, starts := a.suffix, b.prefix
	needs := []Need{a.need, b.need}
	if l.exact != nil {
		ends = l.exact
	}
	if next.exact != nil {
		starts = next.exact
	}
	if seam := product(ends, starts); seam != nil {
		// What is known of the seam implies what is known of a side that is exact.
		needs[0] = anyOf(seam)
		if l.exact == nil {
			needs[0] = And(a.need, needs[0])
		} else {
			joined.prefix = edge(seam, head)
		}
		if next.exact != nil {
			needs[1], joined.suffix = Always(), edge(seam, tail)
		}
	}
	joined.need = And(needs...)
	return joined
}

// either is the alternation of languages.
func either(list []language) language {
	exact := []string{}
	for _, l := range list {
		if l.exact == nil {
			exact = nil
			break
		}
		exact = append(exact, l.exact...)
	}
	if exact != nil && len(exact) <= maxUnion {
		return exactly(union(exact)...)
	}
	var prefix, suffix []string
	var needs []Need
	for _, l := range list {
		if l.dead() {
			continue
		}
		l = l.open()
		prefix, suffix = append(prefix, l.prefix...), append(suffix, l.suffix...)
		needs = append(needs, l.need)
	}
	return language{prefix: edge(prefix, head), suffix: edge(suffix, tail), need: Or(needs...)}
}

// product returns the concatenations of a string of each set, or nil if they are too many.
func product(a, b []string) []string {
	if len(a)*len(b) > maxProduct && len(a) > 1 && len(b) > 1 {
		return nil
	}
	set := make([]string, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			set = append(set, x+y)
		}
	}
	return union(set)
}

// union returns the strings of the sets, each once.
func union(sets ...[]string) []string {
	set := slices.Concat(sets...)
	slices.Sort(set)
	return slices.Compact(set)
}

// edge returns the part of each string that cut keeps. A set with the empty string says nothing.
func edge(set []string, cut func(string) string) []string {
	cuts := make([]string, len(set))
	for i, s := range set {
		if s == "" {
			return unknown
		}
		cuts[i] = cut(s)
	}
	if cuts = union(cuts); len(cuts) > maxUnion {
		return unknown
	}
	return cuts
}

func head(s string) string { return s[:min(len(s), maxEdge)] }
func tail(s string) string { return s[max(0, len(s)-maxEdge):] }
