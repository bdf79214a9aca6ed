package routing

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/wafer-waf/wafer/message"
)

// Table finds the entry for a request. It is immutable and safe for concurrent use.
type Table[T any] struct {
	rules  []*rule // in the order of the entries
	values []T
	hosts  map[string]*group
	// wildcards has the groups of "*.shop.example" under "shop.example".
	wildcards map[string]*group
	any       *group
}

// Target is what a request is matched by. It is only read, and only during the call.
type Target struct {
	Host   string // as received, with or without port; empty matches only entries without hosts
	Path   []byte // canonical: from [CanonicalPath]
	Method string
	Fields message.Fields
}

// Match is the entry that was found for a request.
type Match[T any] struct {
	Value T
	ID    string

	// Path is the one of the entry's Paths that matched, the most specific if several did and the
	// one listed first of equals. A prefix comes without a slash at its end. Path is zero if the
	// entry has no Paths.
	Path Path
}

// New compiles entries into a Table. If any of them is wrong, it returns no Table and all problems
// at once, joined. An entry with the same conditions as one before it is a problem too, as it could
// never match.
//
// New keeps the values but none of the slices it is given.
func New[T any](entries []Entry[T]) (*Table[T], error) {
	t := &Table[T]{
		hosts:     make(map[string]*group),
		wildcards: make(map[string]*group),
	}
	var problems []error
	ids := make(map[string]int)
	conditions := make(map[string]string) // text of the conditions to id
	for i := range entries {
		e := &entries[i]
		if e.ID == "" {
			problems = append(problems, fmt.Errorf("route %q: id is empty: name entry %d", e.ID, i))
		} else if first, used := ids[e.ID]; used {
			problems = append(problems, fmt.Errorf("route %q: id of entry %d is that of entry %d too: rename one", e.ID, i, first))
		} else {
			ids[e.ID] = i
		}
		r, wrong := compileRule(i, e.ID, e.Hosts, e.Paths, e.Methods, e.Headers)
		problems = append(problems, wrong...)
		if len(wrong) == 0 {
			text := r.conditions()
			if first, used := conditions[text]; used {
				problems = append(problems, &Problem{Entry: i, ID: e.ID, What: fmt.Sprintf("can never match: route %q before it has the same hosts, paths, methods and headers", first)})
			} else {
				conditions[text] = e.ID
			}
		}
		t.rules = append(t.rules, r)
		t.values = append(t.values, e.Value)
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	t.index()
	return t, nil
}

// index fills the groups with all candidates, in order of precedence.
func (t *Table[T]) index() {
	type ranked struct {
		candidate
		host hostPattern
		rank rank
	}
	var all []ranked
	for _, r := range t.rules {
		for _, h := range r.hosts {
			for _, p := range r.paths {
				all = append(all, ranked{candidate{rule: r, path: p}, h, r.rank(h, p)})
			}
		}
	}
	// Stable, as two regexes of one entry may have the same rank: then the one listed first is tried.
	slices.SortStableFunc(all, func(a, b ranked) int { return a.rank.compare(b.rank) })
	for _, c := range all {
		t.group(c.host).add(c.candidate)
	}
}

// group returns the group of a host, which it makes if need be.
func (t *Table[T]) group(h hostPattern) *group {
	groups := t.hosts
	switch {
	case h.wildcard:
		groups = t.wildcards
	case h.name == "":
		if t.any == nil {
			t.any = newGroup()
		}
		return t.any
	}
	if groups[h.name] == nil {
		groups[h.name] = newGroup()
	}
	return groups[h.name]
}

// Match returns the entry that comes first, in the order of precedence that the package documents,
// among those that match r. It is false if none does.
func (t *Table[T]) Match(r *Target) (Match[T], bool) {
	c := t.find(r)
	if c == nil {
		return Match[T]{}, false
	}
	return Match[T]{Value: t.values[c.rule.order], ID: c.rule.id, Path: c.path.path}, true
}

// find tries the groups of a host from the most specific to the least.
func (t *Table[T]) find(r *Target) *candidate {
	var buf [maxHostBytes]byte
	host, err := appendHost(buf[:0], r.Host)
	if err == nil {
		if c := t.hosts[string(host)].find(r); c != nil {
			return c
		}
		for len(t.wildcards) > 0 {
			dot := bytes.IndexByte(host, '.')
			if dot < 0 {
				break
			}
			host = host[dot+1:]
			if c := t.wildcards[string(host)].find(r); c != nil {
				return c
			}
		}
	}
	return t.any.find(r)
}

// candidate is one pair of host and path of an entry.
type candidate struct {
	rule *rule
	path *pathPattern
}

// match checks what the index has not decided.
func (c *candidate) match(r *Target) bool {
	if !c.rule.matchMethod(r.Method) {
		return false
	}
	for i := range c.rule.headers {
		if !c.rule.headers[i].holds(r.Fields) {
			return false
		}
	}
	return true
}

// group has the candidates of one host. A nil group has none.
type group struct {
	exact    map[string][]candidate // by path
	regexes  []candidate
	prefixes map[string][]candidate // by prefix, without a slash at its end
	longest  int                    // bytes of the longest prefix
}

func newGroup() *group {
	return &group{exact: make(map[string][]candidate), prefixes: make(map[string][]candidate)}
}

// add expects candidates in order of precedence, which the lists then have.
func (g *group) add(c candidate) {
	switch value := c.path.value; c.path.kind {
	case PathExact:
		g.exact[value] = append(g.exact[value], c)
	case PathRegex:
		g.regexes = append(g.regexes, c)
	case PathPrefix:
		g.prefixes[value] = append(g.prefixes[value], c)
		g.longest = max(g.longest, len(value))
	}
}

func (g *group) find(r *Target) *candidate {
	if g == nil {
		return nil
	}
	if c := first(g.exact[string(r.Path)], r); c != nil {
		return c
	}
	for i := range g.regexes {
		if c := &g.regexes[i]; c.path.matchRegex(r.Path) && c.match(r) {
			return c
		}
	}
	// From the longest prefix that could match down to "/", which is empty here. What is cut off is
	// bounded by the longest prefix first, so that a long path costs no more than a short one.
	for path := cutPath(r.Path, g.longest); len(path) > 0; {
		if c := first(g.prefixes[string(path)], r); c != nil {
			return c
		}
		path = path[:max(bytes.LastIndexByte(path, '/'), 0)]
	}
	return first(g.prefixes[""], r)
}

// cutPath returns the longest start of path that ends at a segment boundary and has at most limit
// bytes.
func cutPath(path []byte, limit int) []byte {
	if len(path) <= limit {
		return path
	}
	return path[:max(bytes.LastIndexByte(path[:limit+1], '/'), 0)]
}

func first(list []candidate, r *Target) *candidate {
	for i := range list {
		if list[i].match(r) {
			return &list[i]
		}
	}
	return nil
}
