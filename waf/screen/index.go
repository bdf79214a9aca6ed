package screen

import (
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/waf/screen/extract"
	"github.com/wafer-waf/wafer/waf/screen/prefilter"
	"github.com/wafer-waf/wafer/waf/screen/transform"
)

// index leads from a value to the rules that it may matter to. All values of a class are
// looked at by the same guards.
type index struct {
	set     *prefilter.Set
	guards  []guard // by need
	nodes   []node  // of all guards' transformations
	kinds   [extract.Kinds]*class
	headers [2]map[string]*class // of request and response fields that rules name, by name in lower case
}

// guard is a link that a rule waits for.
type guard struct {
	rule  *rule
	nodes []int32 // whose texts the operator gets; several with multiMatch
}

// node is one step of a chain of transformations; chains that begin alike share nodes. Node 0
// is the value itself.
type node struct {
	parent  int32
	step    *transform.Transformation
	touches prefilter.Bytes // without one of these the step changes nothing but ASCII case
	// reported: what the step makes counts only if it reports a change, as with multiMatch.
	reported bool
}

// class is the values of one kind, or the header fields of one name.
type class struct {
	id      uint32
	view    *prefilter.View
	nodes   []int32         // that its guards need, parents first; without node 0
	touches prefilter.Bytes // of these nodes
}

// classed collects what a class is made of.
type classed struct {
	needs []int32
	nodes map[int32]bool
}

// buildIndex makes the index of all rules that have a guard.
func buildIndex(rules []*rule) *index {
	x := &index{nodes: make([]node, 1)}
	var needs []prefilter.Need
	byKind := map[extract.Kind]*classed{}
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
		x.guards = append(x.guards, guard{r, x.path(l)})
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
				if t.selects(&extract.Value{Kind: k, Key: name}) {
					join(c, need)
				}
			}
		}
	})
	x.set = prefilter.NewSet(needs)
	id := uint32(0)
	for k := range extract.Kinds {
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
func headerSide(k extract.Kind) (side int, ok bool) {
	switch k {
	case extract.RequestHeaders:
		return 0, true
	case extract.ResponseHeaders:
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
	touches := ^prefilter.Bytes(0)
	if set, ok := step.Touches(); ok {
		if step.Name() == "lowercase" && folds {
			// The scan is blind to ASCII case, so for it only other letters change.
			set = transform.BytesOf(highBytes())
		}
		touches = 0
		for c := range 256 {
			if set.Has(byte(c)) {
				touches |= prefilter.BytesOf(string([]byte{byte(c)}))
			}
		}
	}
	for i := range x.nodes {
		if n := &x.nodes[i]; i > 0 && n.parent == parent && n.step == step && n.touches == touches && n.reported == reported {
			return int32(i)
		}
	}
	x.nodes = append(x.nodes, node{parent, step, touches, reported})
	return int32(len(x.nodes) - 1)
}

// caseBlind are transformations that do with a text in lower case what they do with the text,
// but for case: nothing in them depends on a letter.
var caseBlind = []string{
	"lowercase", "removewhitespace", "compresswhitespace", "removenulls", "replacenulls", "replacecomments",
	"removecommentschar", "trim", "trimleft", "trimright", "normalizepath", "normalisepath", "normalizepathwin",
	"normalisepathwin", "cmdline",
}

func foldsLater(rest transform.Chain) bool {
	return !slices.ContainsFunc(rest, func(t *transform.Transformation) bool {
		return !slices.Contains(caseBlind, strings.ToLower(t.Name()))
	})
}

func (x *index) class(c *classed, id uint32) *class {
	out := &class{id: id, view: x.set.View(c.needs)}
	for n := range x.nodes { // parents have lower numbers
		if c.nodes[int32(n)] {
			out.nodes = append(out.nodes, int32(n))
			out.touches |= x.nodes[n].touches
		}
	}
	return out
}

// of returns the class of a value; nil: no rule looks at it.
func (x *index) of(v *extract.Value) *class {
	side, ok := headerSide(v.Kind)
	if !ok {
		return x.kinds[v.Kind]
	}
	var lower [48]byte
	if len(v.Key) > len(lower) {
		return x.named(side, v.Kind, extract.Lower(v.Key))
	}
	for i := range len(v.Key) {
		c := v.Key[i]
		if c >= 0x80 { // some of these are ASCII letters in lower case
			return x.named(side, v.Kind, extract.Lower(v.Key))
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

func (x *index) named(side int, k extract.Kind, name string) *class {
	if c, ok := x.headers[side][name]; ok {
		return c
	}
	return x.kinds[k]
}
