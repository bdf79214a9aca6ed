package screen

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/wafer-waf/wafer/waf/reading"
	"github.com/wafer-waf/wafer/waf/screen/byteset"
	"github.com/wafer-waf/wafer/waf/screen/dfa"
	"github.com/wafer-waf/wafer/waf/screen/prefilter"
	"github.com/wafer-waf/wafer/waf/screen/transform"
)

// index leads from a value to the rules that it may matter to. All values of a class are
// looked at by the same guards.
type index struct {
	*tables
	guards  []guard // by need
	nodes   []node  // of all guards' transformations
	unions  []*dfa.Matcher
	kinds   [reading.Kinds]*class
	headers [2]map[string]*class // of request and response fields that rules name, by name in lower case
}

// guard is a link that a rule waits for.
type guard struct {
	rule  *rule
	nodes []int32 // whose texts the operator gets; several with multiMatch
	// lowers: what the operator gets is the node's text with ASCII letters in lower case. The step that does that
	// may have been passed over, since the scan is blind to case and so are the steps behind it.
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

// class is the values of one kind, or the header fields of one name.
type class struct {
	id      uint32
	view    *prefilter.View   // of its guards
	views   []*prefilter.View // of those that test the text of a node, by node; nil: it is only on the way
	groups  []*prefilter.View // of nodes that often have the same text, which is scanned for all of them at once
	groupOf []int32           // by node that has a view
	steps   []step            // the nodes that its guards need, but for node 0: each before those below it
	touches byteset.Set       // of these nodes
	always  bool              // one of them changes every text
}

// step is a node in a class's order.
type step struct {
	node, parent int32
	below        int32 // index behind the last step below it
	step         *transform.Transformation
	touches      byteset.Set // as in node
	changes      bool        // always, as in node
	reported     bool        // as in node
	always       bool        // it or one below it changes every text
	// touch are the bytes without which it and those below it change nothing but ASCII case, to
	// which the scan is blind.
	touch byteset.Set
	// unlike are the bytes without which it and those below it are cutting.
	unlike byteset.Set
}

// unionSize is how many expressions share an automaton. Of expressions that need common words,
// some are candidates for any longer text; asked together they cost what one costs. With eight,
// automata stay small on prose (300 KiB); with all in one there would be no end of states.
const unionSize = 8

// unite makes the unions of guards that are decided by one expression on one text, those together that
// are candidates most.
func (x *index) unite(c *Compiler) error {
	var asIs, lowered []int32
	for i := range x.guards {
		g := &x.guards[i]
		l := &g.rule.links[0]
		switch {
		case !g.rule.pure || len(g.rule.links) > 1 || len(g.nodes) > 1 || l.negated || l.operator.expr == "":
		case g.lowers:
			lowered = append(lowered, int32(i))
		default:
			asIs = append(asIs, int32(i))
		}
	}
	chance := func(i int32) float64 { return x.guards[i].rule.links[0].operator.chance }
	for _, single := range [][]int32{asIs, lowered} {
		slices.SortStableFunc(single, func(a, b int32) int { return cmp.Compare(chance(b), chance(a)) })
		for list := range slices.Chunk(single, unionSize) {
			var exprs []string
			for _, i := range list {
				exprs = append(exprs, x.guards[i].rule.links[0].operator.expr)
				x.guards[i].union = int32(len(x.unions))
			}
			m, err := c.union(exprs)
			if err != nil {
				return fmt.Errorf("unite expressions: %w", err)
			}
			x.unions = append(x.unions, m)
		}
	}
	return nil
}

// classed collects what a class is made of.
type classed struct {
	needs []int32
	nodes map[int32]bool
}

// buildIndex makes the index of all rules that have a guard.
func (c *Compiler) buildIndex(rules []*rule) *index {
	x := &index{nodes: make([]node, 1)}
	var needs []prefilter.Need
	var operators []*operator
	byKind := map[reading.Kind]*classed{}
	named := [2]map[string]*classed{{}, {}}
	guarded := func(f func(r *rule, t *target)) {
		for _, r := range rules {
			if r.guard >= 0 {
				for i := range r.links[r.guard].targets {
					f(r, &r.links[r.guard].targets[i])
				}
			}
		}
	}
	// First the header fields that have a class of their own.
	guarded(func(_ *rule, t *target) {
		for _, k := range t.kinds {
			if side, ok := headerSide(k); ok {
				if t.Key != "" {
					named[side][t.Key] = &classed{nodes: map[int32]bool{}}
				}
				for _, e := range t.Exceptions {
					if e.Rx == nil && e.Key != "" {
						named[side][e.Key] = &classed{nodes: map[int32]bool{}}
					}
				}
			}
		}
	})
	for _, r := range rules {
		if r.guard < 0 {
			continue
		}
		l := &r.links[r.guard]
		l.need = int32(len(needs))
		need := prefilter.Always()
		if !l.negated && l.operator.vague == "" {
			need = l.operator.need
		}
		needs = append(needs, need)
		operators = append(operators, l.operator)
		g := guard{rule: r, nodes: x.path(l), union: -1}
		for i, step := range l.chain {
			g.lowers = g.lowers || step.Folds() && foldsLater(l.chain[i+1:])
		}
		g.whole = g.lowers && l.multiMatch
		x.guards = append(x.guards, g)
	}
	join := func(c *classed, need int32) {
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
	guarded(func(r *rule, t *target) {
		need := r.links[r.guard].need
		for _, k := range t.kinds {
			if byKind[k] == nil {
				byKind[k] = &classed{nodes: map[int32]bool{}}
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
				if t.selects(&reading.Value{Kind: k, Key: name}) {
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
			x.kinds[k] = x.class(c, id)
		}
	}
	for side := range named {
		x.headers[side] = map[string]*class{}
		for name, c := range named[side] {
			id++
			x.headers[side][name] = x.class(c, id)
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
func (x *index) path(l *link) []int32 {
	at := int32(0)
	var nodes []int32
	for i, step := range l.chain {
		if l.multiMatch {
			nodes = append(nodes, at)
		}
		at = x.child(at, step, l.multiMatch, foldsLater(l.chain[i+1:]))
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

// foldsLater reports whether none of the steps minds the case of letters, so that a text may be brought
// into lower case behind them instead of before.
func foldsLater(rest transform.Chain) bool {
	return !slices.ContainsFunc(rest, func(t *transform.Transformation) bool { return !t.CaseBlind() })
}

// group returns the number of the group of a node: in one group are nodes that have the same text for
// most values, since the heaviest transformation on the way to them is the same.
func (x *index) group(n int32) int {
	heaviest := 0
	for ; n != 0; n = x.nodes[n].parent {
		heaviest = max(heaviest, x.nodes[n].step.Weight())
	}
	return transform.MaxWeight - heaviest
}

func (x *index) class(c *classed, id uint32) *class {
	out := &class{id: id, view: x.view(c.needs), views: make([]*prefilter.View, len(x.nodes)), groupOf: make([]int32, len(x.nodes))}
	byNode := map[int32][]int32{}
	for _, need := range c.needs {
		for _, n := range x.guards[need].nodes {
			byNode[n] = append(byNode[n], need)
		}
	}
	grouped := make([][]int32, transform.MaxWeight+1)
	for n, needs := range byNode {
		out.views[n] = x.view(needs)
		if n > 0 {
			g := x.group(n)
			out.groupOf[n] = int32(g)
			grouped[g] = append(grouped[g], needs...)
		}
	}
	for _, needs := range grouped {
		slices.Sort(needs)
		out.groups = append(out.groups, x.view(slices.Compact(needs)))
	}
	var walk func(parent int32)
	walk = func(parent int32) {
		for n := int32(1); n < int32(len(x.nodes)); n++ {
			if !c.nodes[n] || x.nodes[n].parent != parent {
				continue
			}
			at := len(out.steps)
			out.steps = append(out.steps, step{})
			walk(n)
			node := &x.nodes[n]
			s := step{
				node: n, parent: parent, below: int32(len(out.steps)), step: node.step, touches: node.touches, changes: node.always, reported: node.reported,
				always: node.always, touch: node.beside,
			}
			if unless, cuts := node.step.Cuts(); cuts {
				s.unlike = unless
			} else {
				s.unlike = node.touches
			}
			for _, below := range out.steps[at+1:] {
				s.touch |= below.touch
				s.unlike |= below.unlike
				s.always = s.always || below.always
			}
			out.steps[at] = s
			out.touches |= s.touch
			out.always = out.always || s.always
		}
	}
	walk(0)
	return out
}

// of returns the class of a value; nil: no rule looks at it.
func (x *index) of(v *reading.Value) *class {
	side, ok := headerSide(v.Kind)
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
