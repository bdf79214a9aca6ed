package routing

import (
	"slices"
	"strings"
)

// Problem is what is wrong with one of the entries that a table is made of.
type Problem struct {
	Entry int    // its index
	ID    string // its id
	Key   string // the condition that is wrong, such as hosts[0]; empty: all of it
	What  string
}

func (p *Problem) Error() string {
	if p.Key != "" {
		return `route "` + p.ID + `": ` + p.Key + ": " + p.What
	}
	return `route "` + p.ID + `" ` + p.What
}

// mostCompared bounds how many conditions of one host are compared with each other.
const mostCompared = 5000

// Hidden returns the entries that can never match, since others, which each problem names, come before
// them for every request that they would take. It tells what can be told by comparing conditions; of two
// expressions it knows only whether they are the same, and how their matches begin.
func (t *Table[T]) Hidden() (problems []*Problem) {
	byHost := map[hostPattern][]alternative{}
	for _, r := range t.rules {
		for _, h := range r.hosts {
			for _, p := range r.paths {
				byHost[h] = append(byHost[h], alternative{r, p, r.rank(h, p)})
			}
		}
	}
	for _, r := range t.rules {
		var hiders []string
		hidden := true
		for _, h := range r.hosts {
			for _, p := range r.paths {
				by, all := hiddenBy(alternative{r, p, r.rank(h, p)}, byHost[h])
				hidden = hidden && all
				hiders = append(hiders, by...)
			}
		}
		if hidden {
			slices.Sort(hiders)
			problems = append(problems, &Problem{Entry: r.order, ID: r.id, What: hides(slices.Compact(hiders))})
		}
	}
	return problems
}

func hides(ids []string) string {
	if len(ids) == 1 {
		return `can never match: route "` + ids[0] + `" comes before it for each of its requests`
	}
	return `can never match: for each of its requests one of the routes "` + strings.Join(ids, `", "`) + `" comes before it`
}

// alternative is one path of a rule, under one host.
type alternative struct {
	rule *rule
	path *pathPattern
	rank rank
}

// hiddenBy returns the ids of rules that come before an alternative, and whether they leave nothing to it.
func hiddenBy(a alternative, all []alternative) (by []string, hidden bool) {
	if len(all) > mostCompared {
		return nil, false
	}
	left := slices.Clone(a.rule.methods) // none: all
	for _, b := range all {
		if b.rule == a.rule || b.rank.compare(a.rank) >= 0 || !b.path.covers(a.path) || !b.rule.headersWithin(a.rule) {
			continue
		}
		switch {
		case len(b.rule.methods) == 0:
			return []string{b.rule.id}, true
		case len(left) > 0:
			n := len(left)
			if left = slices.DeleteFunc(left, func(m string) bool { return slices.Contains(b.rule.methods, m) }); len(left) < n {
				by = append(by, b.rule.id)
			}
			if len(left) == 0 {
				return by, true
			}
		}
	}
	return nil, false
}

// headersWithin reports whether all header conditions of r are conditions of s, too.
func (r *rule) headersWithin(s *rule) bool {
	return !slices.ContainsFunc(r.headers, func(h headerPattern) bool {
		return !slices.ContainsFunc(s.headers, func(g headerPattern) bool { return g.String() == h.String() })
	})
}

// covers reports whether p is known to match every path that q matches.
func (p *pathPattern) covers(q *pathPattern) bool {
	if p.kind == q.kind && p.value == q.value {
		return true
	}
	begins := q.value // how all that q matches begins
	if q.kind == PathRegex {
		begins = q.start
	}
	switch p.kind {
	case PathPrefix:
		return p.value == "" || strings.HasPrefix(begins, p.value+"/") || begins == p.value && q.kind != PathRegex
	case PathRegex:
		start, isAny := strings.CutSuffix(strings.TrimSuffix(strings.TrimPrefix(p.value, "^"), "$"), ".*")
		return isAny && start == p.start && strings.HasPrefix(begins, start)
	}
	return false
}
