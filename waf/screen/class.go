package screen

import (
	"slices"

	"github.com/wafer-waf/wafer/waf/reading"
	"github.com/wafer-waf/wafer/waf/screen/byteset"
	"github.com/wafer-waf/wafer/waf/screen/prefilter"
	"github.com/wafer-waf/wafer/waf/screen/transform"
)

// class is the values of one kind, or the header fields of one name.
type class struct {
	id      uint32
	view    *prefilter.View   // of all its guards
	views   []*prefilter.View // by node: of the guards that test its text; nil: none does, it is on the way to others
	groups  []*prefilter.View // of nodes that often have the same text, which is then scanned for all of them at once
	groupOf []int32           // by node that has a view: the number of its group
	steps   []step            // the nodes that its guards need, without node 0: each before those below it
	touches byteset.Set       // bytes without which no step changes a value, but for ASCII case
	always  bool              // one of the steps changes every text
	byKey   bool              // one of its rules looks at the key of a value too
}

// step is a node in a class's order.
type step struct {
	node, parent int32
	below        int32 // the index behind the last step below it
	step         *transform.Transformation
	touches      byteset.Set // as in node
	changes      bool        // always, as in node
	reported     bool        // as in node
	always       bool        // it or one below it changes every text
	// touch are the bytes without which it and those below it change nothing but ASCII case, to
	// which the scan is blind.
	touch byteset.Set
	// unlike are the bytes without which it and those below it only cut, if they do anything.
	unlike byteset.Set
}

// class makes a class of values of a kind.
func (x *index) class(c *classBuilder, id uint32, k reading.Kind) *class {
	out := &class{id: id, view: x.view(c.needs), views: make([]*prefilter.View, len(x.nodes)), groupOf: make([]int32, len(x.nodes))}
	byNode := map[int32][]int32{}
	for _, need := range c.needs {
		out.byKey = out.byKey || x.guards[need].rule.KeyKinds>>k&1 != 0
		for _, n := range x.guards[need].nodes {
			if n == 0 || c.nodes[n] {
				byNode[n] = append(byNode[n], need)
			}
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

// group returns the number of the group of a node: in one group are nodes that have the same
// text for most values, since the heaviest transformation on the way to them is the same.
func (x *index) group(n int32) int {
	heaviest := 0
	for ; n != 0; n = x.nodes[n].parent {
		heaviest = max(heaviest, x.nodes[n].step.Weight())
	}
	return transform.MaxWeight - heaviest
}

// undecoding is what is left of a class for values that are [reading.Value.Decoded]: guards of
// which a node does not begin with the decoding, and these nodes.
func (x *index) undecoding(c *classBuilder) *classBuilder {
	rest := &classBuilder{nodes: map[int32]bool{}}
	for _, need := range c.needs {
		if slices.ContainsFunc(x.guards[need].nodes, func(n int32) bool { return !x.decodes(n) }) {
			rest.needs = append(rest.needs, need)
		}
	}
	for n := range c.nodes {
		if !x.decodes(n) {
			rest.nodes[n] = true
		}
	}
	return rest
}

// decodes reports whether the chain of a node begins with urlDecodeUni, but for utf8toUnicode,
// which does nothing to ASCII.
func (x *index) decodes(n int32) bool {
	first := ""
	for ; n != 0; n = x.nodes[n].parent {
		if name := x.nodes[n].step.Name(); name != "utf8tounicode" || x.nodes[n].parent != 0 {
			first = name
		}
	}
	return first == "urldecodeuni"
}
