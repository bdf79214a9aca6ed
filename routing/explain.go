package routing

import (
	"fmt"
	"slices"
	"strings"
)

// Decision is what became of one entry for one request.
type Decision struct {
	ID       string
	Matched  bool // every condition holds
	Selected bool // it is the one that [Table.Match] returns

	// Why names the condition that does not hold; of a matched entry, what it was matched by or
	// which entry came first and by which rule.
	Why string
}

// Explain returns a decision for every entry, in order of precedence: an entry stands where the best
// of its pairs of host and path stands that match r or, if none does, the best of all. So the
// selected entry is the first that matched.
//
// It is meant for people: it is much slower than [Table.Match] and its texts quote host, path and
// method of r, but no header values.
func (t *Table[T]) Explain(r *Target) []Decision {
	host, err := canonicalHost(r.Host)
	explained := make([]explanation, len(t.rules))
	for i, rule := range t.rules {
		explained[i] = rule.explain(r, host, err)
	}
	slices.SortFunc(explained, func(a, b explanation) int { return a.rank.compare(b.rank) })

	decisions := make([]Decision, len(explained))
	selected := -1
	for i, e := range explained {
		d := Decision{ID: e.rule.id, Matched: e.mismatch == "", Why: e.mismatch}
		switch {
		case !d.Matched:
		case selected < 0:
			selected = i
			d.Selected = true
			d.Why = e.reason()
		default:
			winner := explained[selected]
			d.Why = fmt.Sprintf("route %q came first: %s", winner.rule.id, winner.rank.lead(e.rank))
		}
		decisions[i] = d
	}
	return decisions
}

// explanation is a rule and the pair of host and path by which it stands in the order.
type explanation struct {
	rule     *rule
	host     hostPattern
	path     *pathPattern
	rank     rank
	mismatch string // empty if the rule matches
}

// reason says by what a rule matches.
func (e explanation) reason() string {
	if e.host == (hostPattern{}) {
		return fmt.Sprintf("%s and %s", e.host, e.path)
	}
	return fmt.Sprintf("host %s and %s", e.host, e.path)
}

// explain compares every condition by itself, without the index that Match uses.
func (r *rule) explain(t *Target, host string, hostErr error) explanation {
	mismatch := r.mismatch(t, host, hostErr)
	var best explanation
	for _, h := range r.hosts {
		for _, p := range r.paths {
			e := explanation{rule: r, host: h, path: p, rank: r.rank(h, p), mismatch: mismatch}
			counts := mismatch != "" || h.match(host) && p.match(t.Path)
			if counts && (best.rule == nil || e.rank.compare(best.rank) < 0) {
				best = e
			}
		}
	}
	return best
}

// mismatch says which condition does not hold; it is empty if all do.
func (r *rule) mismatch(t *Target, host string, hostErr error) string {
	if !slices.ContainsFunc(r.hosts, func(h hostPattern) bool { return h.match(host) }) {
		if hostErr != nil {
			return fmt.Sprintf("host %q matches only routes without hosts: %v", t.Host, hostErr)
		}
		return fmt.Sprintf("host %q is none of %s", host, join(r.hosts))
	}
	if !slices.ContainsFunc(r.paths, func(p *pathPattern) bool { return p.match(t.Path) }) {
		return fmt.Sprintf("path %q %s", t.Path, r.pathMismatch())
	}
	if !r.matchMethod(t.Method) {
		return fmt.Sprintf("method %q is none of %s", t.Method, strings.Join(r.methods, ", "))
	}
	for i := range r.headers {
		if why := r.headers[i].mismatch(t); why != "" {
			return why
		}
	}
	return ""
}

// pathMismatch says what a path that matches none of the rule's is not.
func (r *rule) pathMismatch() string {
	var parts []string
	for _, p := range r.paths {
		switch p.kind {
		case PathExact:
			parts = append(parts, fmt.Sprintf("is not %q", p.value))
		case PathPrefix:
			parts = append(parts, fmt.Sprintf("is not below %q", p.value))
		case PathRegex:
			parts = append(parts, fmt.Sprintf("does not match %q", p.value))
		}
	}
	return strings.Join(parts, ", ")
}

func (h *headerPattern) mismatch(t *Target) string {
	present := false
	for i := range t.Fields {
		if h.match(&t.Fields[i]) {
			return ""
		}
		present = present || t.Fields[i].Is(h.name)
	}
	switch {
	case !present:
		return fmt.Sprintf("header %q is absent", h.name)
	case h.kind == HeaderRegex:
		return fmt.Sprintf("header %q does not match %q", h.name, h.value)
	}
	return fmt.Sprintf("header %q is not %q", h.name, h.value)
}

// lead says by which rule a comes before b.
func (a rank) lead(b rank) string {
	switch {
	case a.host != b.host:
		return "its host is more specific"
	case a.path != b.path, a.length != b.length:
		return "its path is more specific"
	case a.methods != b.methods:
		return "it lists methods"
	case a.headers != b.headers:
		return "it has more header conditions"
	}
	return "it stands before this one"
}

func join(hosts []hostPattern) string {
	names := make([]string, len(hosts))
	for i, h := range hosts {
		names[i] = h.String()
	}
	return strings.Join(names, ", ")
}
