package screen

import (
	"math/bits"
	"slices"
	"unicode/utf8"

	"github.com/wafer-waf/wafer/waf/reading"
	"github.com/wafer-waf/wafer/waf/screen/byteset"
	"github.com/wafer-waf/wafer/waf/screen/prefilter"
	"github.com/wafer-waf/wafer/waf/screen/transform"
)

// text is one of the forms in which rules see a value.
type text struct {
	text  string
	bytes byteset.Set
}

// applied is a step that was applied to a text, by the numbers of both texts.
type applied struct {
	step     *transform.Transformation
	reported bool // as in node
	from, to int32
}

// value looks at one value: it is known to be clean, or the guards of its class are asked.
func (r *Run) value(c *class, v *reading.Value) {
	s := r.screen
	r.eval.spend(len(v.Text) + perValue)
	memory, cacheable := s.cache.place(c, v)
	if cacheable {
		if triggers, known := s.cache.get(&memory); known {
			for _, n := range triggers {
				r.trigger(n)
			}
			return
		}
	}
	r.byKey, r.triggers = false, r.triggers[:0]
	r.eval.buffer.Reset()
	bytes, candidates := r.scanned(c, v.Text)
	if bytes&c.touches == 0 && !c.always {
		r.unchanged(candidates, v)
	} else {
		r.transformed(c, v, bytes, candidates)
	}
	if cacheable && !r.unclean && r.without == nil { // other runs do not go without a rule
		s.cache.add(&memory, r.byKey, r.triggers)
	}
}

// scanForAll is how many needs a view has at the least for one scan for the literals of all
// views to be cheaper than a scan for its own.
const scanForAll = 40

// scanned returns the bytes of a value as it came and the guards that may match it.
func (r *Run) scanned(c *class, text string) (byteset.Set, []int32) {
	bytes := byteset.Of(text)
	r.scratch.Take(text, bytes)
	if c.view.Len() >= scanForAll {
		r.screen.index.set.Scan(&r.scratch)
	}
	return bytes, c.view.Candidates(&r.scratch)
}

// transformed looks at a value that transformations change. It goes through the steps of the
// class, applies each that changes a text, and then looks at each text that there is, with the
// guards that test it.
func (r *Run) transformed(c *class, v *reading.Value, bytes byteset.Set, candidates []int32) {
	r.texts = append(r.texts[:0], text{v.Text, bytes})
	r.steps, r.changed = r.steps[:0], r.changed[:0]
	for i := 0; i < len(c.steps); {
		s := &c.steps[i]
		from := r.textOf[s.parent]
		if from == 0 && bytes&s.touch == 0 && !s.always {
			i = int(s.below) // all of it is the value itself
			continue
		}
		if t := &r.texts[from]; t.bytes&s.touches != 0 || s.changes {
			if !r.possible(c, c.steps[i:s.below], t) {
				for _, s := range c.steps[i:s.below] {
					r.textOf[s.node] = noText
					r.changed = append(r.changed, s.node)
				}
				i = int(s.below)
				continue
			}
			from = r.apply(s, from)
		}
		if from != 0 {
			r.textOf[s.node] = from
			r.changed = append(r.changed, s.node)
		}
		i++
	}
	r.unchanged(candidates, v)
	for i := 1; i < len(r.texts); i++ {
		r.text(int32(i), c, v)
	}
	for _, n := range r.changed {
		r.textOf[n] = 0
	}
}

// noText stands for a text that has no candidates, whatever it is.
const noText = -1

// insertable is what transformations may put in that otherwise only cut
// ([transform.Transformation.Cuts]).
var insertable = byteset.Of(" /")

// possible reports whether one of the texts that steps make of a text can have candidates. It
// does so without making them: transformations that only cut leave no bytes but those of the
// text and insertable ones, and such a text has no candidates if each literal that guards look
// for has another byte, or is longer. Of other transformations, which the text has bytes for,
// nothing is known, and the answer is yes.
func (r *Run) possible(c *class, steps []step, t *text) bool {
	bytes, n := t.bytes|insertable, len(t.text)+1 // a path of "/" becomes "//"
	if steps[0].unlike&bytes != 0 {
		return true
	}
	if bytes&byteset.High != 0 {
		n *= utf8.RuneLen(utf8.RuneError) // what a byte may become
	}
	var asked *prefilter.View
	for i := range steps {
		view := c.views[steps[i].node]
		if view != nil && view != asked && view.Possible(bytes, n) {
			return true
		}
		asked = view
	}
	return false
}

// unchanged looks at the value as it came, for the guards that test it so.
func (r *Run) unchanged(candidates []int32, v *reading.Value) {
	x := r.screen.index
	r.toConfirm = r.toConfirm[:0]
	for _, id := range candidates {
		if slices.ContainsFunc(x.guards[id].nodes, func(n int32) bool { return r.textOf[n] == 0 }) {
			r.toConfirm = append(r.toConfirm, id)
		}
	}
	r.ask(v, v.Text)
}

// ask asks the guards in toConfirm about a value in one of its forms. Where several of a union are
// candidates, the union is asked first.
func (r *Run) ask(v *reading.Value, text string) {
	x := r.screen.index
	for _, id := range r.toConfirm {
		if g := &x.guards[id]; g.union >= 0 {
			r.unionState[g.union]++
		}
	}
	lower := ""
	for _, id := range r.toConfirm {
		g := &x.guards[id]
		if g.union >= 0 && r.unionState[g.union] == noMatch {
			continue
		}
		form := text
		if g.lowers {
			if lower == "" {
				lower = transform.LowerASCII(text, r.eval.buffer)
			}
			form = lower
		}
		if g.union >= 0 && r.unionState[g.union] > 1 {
			r.eval.spend(perByte * len(form))
			if r.unionState[g.union] = mayMatch; !x.unions[g.union].mayMatch(form) {
				r.unionState[g.union] = noMatch
				continue
			}
		}
		r.confirm(g, v, form)
	}
	for _, id := range r.toConfirm {
		if g := &x.guards[id]; g.union >= 0 {
			r.unionState[g.union] = 0
		}
	}
}

// What a union has said of the value at hand, in place of how many candidates it has.
const (
	mayMatch = -1
	noMatch  = -2
)

// text looks at form i of the value, for the guards that test that form.
func (r *Run) text(i int32, c *class, v *reading.Value) {
	x := r.screen.index
	t := &r.texts[i]
	needs, groups := 0, uint(0)
	var asked *prefilter.View
	for _, n := range r.changed {
		view := c.views[n]
		if r.textOf[n] != i || view == nil || view == asked {
			continue
		}
		if asked = view; view.Possible(t.bytes, len(t.text)) {
			needs += view.Len()
			groups |= 1 << c.groupOf[n]
		}
	}
	if groups == 0 {
		return
	}
	r.eval.spend(len(t.text))
	r.scratch.Take(t.text, t.bytes)
	if needs >= scanForAll {
		x.set.Scan(&r.scratch)
	}
	r.toConfirm = r.toConfirm[:0]
	for ; groups != 0; groups &= groups - 1 {
		for _, id := range c.groups[bits.TrailingZeros(groups)].Candidates(&r.scratch) {
			if slices.ContainsFunc(x.guards[id].nodes, func(n int32) bool { return r.textOf[n] == i }) && !slices.Contains(r.toConfirm, id) {
				r.toConfirm = append(r.toConfirm, id)
			}
		}
	}
	r.ask(v, t.text)
}

// apply returns the number of the form that a step makes of another.
func (r *Run) apply(n *step, from int32) int32 {
	for i := range r.steps {
		if s := &r.steps[i]; s.step == n.step && s.reported == n.reported && s.from == from {
			return s.to
		}
	}
	r.eval.spend(perByte * len(r.texts[from].text))
	to, known, mark := from, len(r.texts), r.eval.buffer.Mark()
	if after, changed := n.step.Apply(r.texts[from].text, r.eval.buffer); changed || !n.reported {
		to = r.form(after)
	}
	if len(r.texts) == known { // nothing refers to what was made
		r.eval.buffer.Release(mark)
	}
	r.steps = append(r.steps, applied{n.step, n.reported, from, to})
	return to
}

// form returns the number of a form of the value at hand.
func (r *Run) form(s string) int32 {
	for i := range r.texts {
		if r.texts[i].text == s {
			return int32(i)
		}
	}
	r.texts = append(r.texts, text{s, byteset.Of(s)})
	return int32(len(r.texts) - 1)
}

// confirm asks a rule itself about a value that its guard may match, if one value decides the
// rule. Otherwise the rule is decided in its phase. text is what the guard's operator gets,
// unless the guard is whole: then it is the value.
func (r *Run) confirm(g *guard, v *reading.Value, text string) {
	rule := g.rule
	if !rule.ByValue || len(rule.Links) > 1 { // also without a match of the last link, a match of the first may leave a trace
		r.trigger(int32(rule.Number))
		r.triggers = append(r.triggers, int32(rule.Number))
	}
	if !rule.ByValue || r.unclean && r.isTriggered(rule.Number) {
		return
	}
	if r.matches(g, v, text) {
		r.trigger(int32(rule.Number))
		r.inspect(Reason{Rule: rule.ID, Target: name(v), Value: v.Text})
	}
	if rule.KeyKinds>>v.Kind&1 != 0 {
		r.byKey = true
	}
}

// matches reports whether a guard's rule may match because of a value, as [Run.confirm] has it.
func (r *Run) matches(g *guard, v *reading.Value, text string) bool {
	if g.whole {
		return r.eval.matchesValue(g.rule, v)
	}
	r.eval.spend(perByte * len(text))
	// The operator alone mostly says no.
	if l := &g.rule.Links[0]; l.Operator.Constant && l.Operator.Match(text, "") == l.Negated {
		return false
	}
	return r.eval.matchesText(g.rule, v, text)
}

// trigger notes that a value satisfied the guard of a rule.
func (r *Run) trigger(rule int32) { r.triggered[rule/64] |= 1 << (rule % 64) }

func (r *Run) isTriggered(rule int) bool { return r.triggered[rule/64]>>(rule%64)&1 != 0 }

func name(v *reading.Value) string {
	if v.Key == "" {
		return v.Kind.String()
	}
	return v.Kind.String() + ":" + v.Key
}
