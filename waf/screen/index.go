package screen

import (
	"slices"

	"github.com/wafer-waf/wafer/waf/reading"
	"github.com/wafer-waf/wafer/waf/screen/byteset"
	"github.com/wafer-waf/wafer/waf/screen/prefilter"
	"github.com/wafer-waf/wafer/waf/screen/residue"
	"github.com/wafer-waf/wafer/waf/screen/transform"
)

// index leads from a value to the rules that it may matter to. All values of a class are
// looked at by the same guards.
type index struct {
	*tables
	guards  []guard // by need
	nodes   []node  // of all guards' transformations
	unions  []*union
	kinds   [reading.Kinds]*class
	decoded [reading.Kinds]*class // of values that are [reading.Value.Decoded], where there are such
	headers [2]map[string]*class  // of request and response fields that rules name, by name in lower case
}

// guard is a link that a rule waits for.
type guard struct {
	rule  *residue.Rule
	nodes []int32 // whose texts the operator gets; several with multiMatch
	// lowers: what the operator gets is the node's text with ASCII letters in lower case. The
	// step that does that may have been passed over, since the scan is blind to case and so
	// are the steps behind it.
	lowers bool
	whole  bool  // with several nodes some of which lower, all are tested at once
	union  int32 // the union that its expression is in; -1: none
}

// node is one step of a chain of transformations; chains that begin alike share nodes. Node 0
// is the value itself.
type node struct {
	parent  int32
	step    *transform.Transformation
	touches byteset.Set // without one of these the step changes nothing, but for ASCII case if no step below depends on that
	beside  byteset.Set // without one of these it changes nothing but ASCII case
	always  bool        // it changes every text, the empty one too
	// reported: what the step makes counts only if it reports a change, as with multiMatch.
	reported bool
}

// classed collects what a class is made of.
type classBuilder struct {
	needs []int32
	nodes map[int32]bool
}

// buildIndex makes the index of all rules that have a guard.
func (c *Compiler) buildIndex(rules []*residue.Rule) *index {
	x := &index{nodes: make([]node, 1)}
	var needs []prefilter.Need
	var operators []*residue.Operator
	needOf := map[*residue.Rule]int32{}
	byKind := map[reading.Kind]*classBuilder{}
	named := [2]map[string]*classBuilder{{}, {}}
	guarded := func(f func(r *residue.Rule, t *residue.Target)) {
		for _, r := range rules {
			if r.Guard >= 0 {
				for i := range r.Links[r.Guard].Targets {
					f(r, &r.Links[r.Guard].Targets[i])
				}
			}
		}
	}
	// First the header fields that have a class of their own.
	guarded(func(_ *residue.Rule, t *residue.Target) {
		for _, k := range t.Kinds {
			if side, ok := headerSide(k); ok {
				if t.Key != "" {
					named[side][t.Key] = &classBuilder{nodes: map[int32]bool{}}
				}
				for _, e := range t.Exceptions {
					if e.Rx == nil && e.Key != "" {
						named[side][e.Key] = &classBuilder{nodes: map[int32]bool{}}
					}
				}
			}
		}
	})
	for _, r := range rules {
		if r.Guard < 0 {
			continue
		}
		l := &r.Links[r.Guard]
		needOf[r] = int32(len(needs))
		need := prefilter.Always()
		if !l.Negated && l.Operator.Opaque == "" {
			need = l.Operator.Need
		}
		needs = append(needs, need)
		operators = append(operators, l.Operator)
		g := guard{rule: r, nodes: x.path(l), union: -1}
		for i, step := range l.Chain {
			g.lowers = g.lowers || step.Folds() && foldsLater(l.Chain[i+1:])
		}
		g.whole = g.lowers && l.MultiMatch
		x.guards = append(x.guards, g)
	}
	join := func(c *classBuilder, need int32) {
		if slices.Contains(c.needs, need) {
			return
		}
		c.needs = append(c.needs, need)
		for _, n := range x.guards[need].nodes {
			for ; n != 0; n = x.nodes[n].parent {
				c.nodes[n] = true
			}
		}
	}
	guarded(func(r *residue.Rule, t *residue.Target) {
		need := needOf[r]
		for _, k := range t.Kinds {
			if byKind[k] == nil {
				byKind[k] = &classBuilder{nodes: map[int32]bool{}}
			}
			side, header := headerSide(k)
			if !header {
				join(byKind[k], need)
				continue
			}
			if t.Key == "" {
				join(byKind[k], need)
			}
			for name, c := range named[side] {
				if t.Selects(&reading.Value{Kind: k, Key: name}) {
					join(c, need)
				}
			}
		}
	})
	x.tables = c.tables(operators, needs)
	id := uint32(0)
	for k := range reading.Kinds {
		if c := byKind[k]; c != nil {
			id++
			x.kinds[k] = x.class(c, id, k)
		}
	}
	if c := byKind[reading.RequestCookies]; c != nil {
		id++
		x.decoded[reading.RequestCookies] = x.class(x.undecoding(c), id, reading.RequestCookies)
	}
	for side := range named {
		x.headers[side] = map[string]*class{}
		for name, c := range named[side] {
			id++
			x.headers[side][name] = x.class(c, id, [...]reading.Kind{reading.RequestHeaders, reading.ResponseHeaders}[side])
		}
	}
	return x
}

// headerSide tells request from response header fields.
func headerSide(k reading.Kind) (side int, ok bool) {
	switch k {
	case reading.RequestHeaders:
		return 0, true
	case reading.ResponseHeaders:
		return 1, true
	}
	return 0, false
}

// path returns the nodes whose texts a link tests, made where they are missing.
func (x *index) path(l *residue.Link) []int32 {
	at := int32(0)
	var nodes []int32
	for i, step := range l.Chain {
		if l.MultiMatch {
			nodes = append(nodes, at)
		}
		at = x.child(at, step, l.MultiMatch, foldsLater(l.Chain[i+1:]))
	}
	return append(nodes, at)
}

func (x *index) child(parent int32, step *transform.Transformation, reported, folds bool) int32 {
	touches, ok := step.Touches()
	if !ok {
		touches = byteset.All
	}
	beside := touches
	if ok && step.Folds() {
		beside &^= byteset.Letters
	}
	if folds {
		touches = beside // the scan is blind to ASCII case
	}
	for i := range x.nodes {
		if n := &x.nodes[i]; i > 0 && n.parent == parent && n.step == step && n.touches == touches && n.reported == reported { // folds or not
			return int32(i)
		}
	}
	x.nodes = append(x.nodes, node{parent: parent, step: step, touches: touches, beside: beside, always: !ok, reported: reported})
	return int32(len(x.nodes) - 1)
}

// foldsLater reports whether none of the steps minds the case of letters, so that a text may
// be brought into lower case behind them instead of before.
func foldsLater(rest transform.Chain) bool {
	return !slices.ContainsFunc(rest, func(t *transform.Transformation) bool { return !t.CaseBlind() })
}

// of returns the class of a value; nil: no rule looks at it.
func (x *index) of(v *reading.Value) *class {
	side, ok := headerSide(v.Kind)
	if c := x.decoded[v.Kind]; c != nil && v.Decoded {
		return c
	}
	if !ok {
		return x.kinds[v.Kind]
	}
	var lower [48]byte
	if len(v.Key) > len(lower) {
		return x.named(side, v.Kind, reading.Lower(v.Key))
	}
	for i := range len(v.Key) {
		c := v.Key[i]
		if c >= 0x80 { // some of these are ASCII letters in lower case
			return x.named(side, v.Kind, reading.Lower(v.Key))
		}
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		lower[i] = c
	}
	if c, ok := x.headers[side][string(lower[:len(v.Key)])]; ok {
		return c
	}
	return x.kinds[v.Kind]
}

func (x *index) named(side int, k reading.Kind, name string) *class {
	if c, ok := x.headers[side][name]; ok {
		return c
	}
	return x.kinds[k]
}
