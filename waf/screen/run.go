package screen

import (
	"math/bits"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/wafer-waf/wafer/waf/budget"
	"github.com/wafer-waf/wafer/waf/reading"
	"github.com/wafer-waf/wafer/waf/screen/byteset"
	"github.com/wafer-waf/wafer/waf/screen/prefilter"
	"github.com/wafer-waf/wafer/waf/screen/transform"
)

// Run screens one request and the response to it, phase by phase. Once a phase is not clean, it
// goes on to learn which other rules may match. It belongs to one goroutine at a time.
type Run struct {
	screen    *Screen
	eval      evaluation
	*desk              // while it works
	met       []uint64 // rules whose guard was met, but for those that one value was enough to rule out
	processor string   // behind phase 1
	seen      int      // phases whose values have all been looked at
	asked     bool     // not everything was clean
	reason    Reason   // why

	// of the value at hand
	textOf  []int32 // by node; 0 between values
	held    []int32 // by union: candidates, or what it said; 0 between values
	ids     []int32 // guards to ask
	steps   []applied
	changed []int32 // nodes whose text is not the value
	meets   []int32 // rules whose guard it met, as in met
	keyed   bool    // the outcome depends on its key too
}

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

// Reason says why a request was not proved clean.
type Reason struct {
	Rule   int    // the rule that may match; 0: none, see What
	Target string // the value that it may match, as ARGS:name; empty: no single one
	Value  string // that value
	What   string // a reason other than a rule
}

// OutOfBudget is the panic with which a run ends when its budget is spent. The run may not be used any more.
type OutOfBudget struct{}

// Within has the run keep to a budget, which is the caller's.
func (r *Run) Within(b *budget.Budget) { r.eval.budget = b }

// Head screens the head of a request, which has been read, by all rules that read nothing else, and reports whether
// it is clean so far.
func (r *Run) Head() bool {
	r.phase(1)
	r.processor = r.eval.values.Text(reading.ReqbodyProcessor)
	return !r.asked
}

// Processor is REQBODY_PROCESSOR behind phase 1, as far as rules set it that do not depend on what is
// assumed not to match. It is known after Head.
func (r *Run) Processor() string { return r.processor }

// Body screens what was read of the body, if there is one, and all rules of the request.
func (r *Run) Body() bool { return r.phase(2) }

// ResponseHead screens the head of the response.
func (r *Run) ResponseHead(res *reading.Response) bool {
	r.eval.values.ResponseHead(res)
	return r.phase(3)
}

// ResponseBody screens the body of the response, if the policy inspects it, and everything
// that is left. It must not change before End.
func (r *Run) ResponseBody(text []byte) bool {
	if r.InspectsResponse() {
		if len(text) >= r.screen.settings.ResponseBodyBytes {
			return r.inspect(Reason{What: "response body over the limit"})
		}
		r.eval.values.ResponseBody(text)
	}
	return r.phase(4)
}

// InspectsResponse reports whether Coraza would look at the response's body. It is known after
// ResponseHead.
func (r *Run) InspectsResponse() bool {
	return r.screen.settings.ResponseBody && r.screen.mimes[r.eval.values.Text(reading.ResponseContentType)]
}

// Last screens by the rules that run when everything is over.
func (r *Run) Last() bool { return r.phase(5) }

// Seen is how many phases were screened in full: all their values were looked at.
func (r *Run) Seen() int { return r.seen }

// Reason says why the first step that was not clean was not.
func (r *Run) Reason() Reason { return r.reason }

// End gives the memory of the run back. Nothing of it may be used afterwards.
func (r *Run) End() {
	*r = Run{
		screen: r.screen, met: r.met, textOf: r.textOf, held: r.held, ids: r.ids[:0], steps: r.steps[:0], changed: r.changed[:0], meets: r.meets[:0],
		eval: evaluation{matched: r.eval.matched[:0]},
	}
	clear(r.met)
	r.screen.runs.Put(r)
}

// inspect notes why the request is not clean, and reports that.
func (r *Run) inspect(why Reason) bool {
	if !r.asked {
		r.asked, r.reason = true, why
	}
	return false
}

// desk is memory that a value needs while it is looked at: much if the value is large. Desks are lent, so that
// there are about as many as processors, and not as many as requests that wait for their bodies or their responses.
type desk struct {
	buffer  transform.Buffer
	scratch prefilter.Scratch
	texts   []text
}

var desks = sync.Pool{New: func() any { return new(desk) }}

// sit makes the run ready to work.
func (r *Run) sit() {
	r.desk = desks.Get().(*desk)
	r.eval.buffer = &r.desk.buffer
}

// leave is for a run that waits.
func (r *Run) leave() {
	d := r.desk
	r.desk, r.eval.buffer = nil, nil
	d.buffer.Reset()
	d.scratch.Take("", 0)
	clear(d.texts[:cap(d.texts)])
	desks.Put(d)
}

func (r *Run) phase(n int) bool {
	r.sit()
	r.scan(n)
	r.turns(n)
	r.leave()
	if r.seen == n-1 {
		r.seen = n
	}
	return !r.asked
}

// scan looks at the values that are settled in a phase.
func (r *Run) scan(phase int) {
	for _, k := range r.screen.scanned[phase] {
		values := r.eval.values.Of(k)
		for i := range values {
			if c := r.screen.index.of(&values[i]); c != nil {
				r.value(c, &values[i])
			}
		}
	}
}

// value looks at one value.
func (r *Run) value(c *class, v *reading.Value) {
	s := r.screen
	r.eval.spend(len(v.Text) + perValue)
	memory, cacheable := s.cache.place(c, v)
	if cacheable {
		if meets, known := s.cache.get(&memory); known {
			for _, n := range meets {
				r.meet(n)
			}
			return
		}
	}
	r.keyed, r.meets = false, r.meets[:0]
	r.eval.buffer.Reset()
	bytes, candidates := r.scanned(c, v.Text)
	if bytes&c.touches == 0 && !c.always {
		r.unchanged(candidates, v)
	} else {
		r.transformed(c, v, bytes, candidates)
	}
	if cacheable && !r.asked {
		s.cache.add(&memory, r.keyed, r.meets)
	}
}

// many needs are cheaper to decide with one scan for all literals than with one for those of each
// view.
const many = 40

// scanned returns the bytes of a value as it came and the guards that may match it.
func (r *Run) scanned(c *class, text string) (byteset.Set, []int32) {
	bytes := byteset.Of(text)
	r.scratch.Take(text, bytes)
	if c.view.Len() >= many {
		r.screen.index.set.Scan(&r.scratch)
	}
	return bytes, c.view.Candidates(&r.scratch)
}

// transformed looks at a value that transformations change: at each form that it takes, with
// the guards that test this form.
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

// putIn is what transformations may put in that otherwise only cut ([transform.Transformation.Cuts]).
var putIn = byteset.Of(" /")

// possible reports whether what steps make of a text can have candidates. Known is with which bytes
// that is written, if they cut, or do nothing to such a text.
func (r *Run) possible(c *class, steps []step, t *text) bool {
	bytes, n := t.bytes|putIn, len(t.text)+1 // a path of "/" becomes "//"
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
	r.ids = r.ids[:0]
	for _, id := range candidates {
		if slices.ContainsFunc(x.guards[id].nodes, func(n int32) bool { return r.textOf[n] == 0 }) {
			r.ids = append(r.ids, id)
		}
	}
	r.ask(v, v.Text)
}

// ask asks the guards in ids about a value in one of its forms. Where several of a union are candidates,
// the union is asked first.
func (r *Run) ask(v *reading.Value, text string) {
	x := r.screen.index
	for _, id := range r.ids {
		if g := &x.guards[id]; g.union >= 0 {
			r.held[g.union]++
		}
	}
	lower := ""
	for _, id := range r.ids {
		g := &x.guards[id]
		if g.union >= 0 && r.held[g.union] == noMatch {
			continue
		}
		form := text
		if g.lowers {
			if lower == "" {
				lower = transform.LowerASCII(text, r.eval.buffer)
			}
			form = lower
		}
		if g.union >= 0 && r.held[g.union] > 1 {
			r.eval.spend(dear * len(form))
			if r.held[g.union] = mayMatch; !x.unions[g.union].MatchString(form) {
				r.held[g.union] = noMatch
				continue
			}
		}
		r.confirm(g, v, form)
	}
	for _, id := range r.ids {
		if g := &x.guards[id]; g.union >= 0 {
			r.held[g.union] = 0
		}
	}
}

// What a union has said of the value at hand, in place of how many candidates it has.
const (
	mayMatch = -1
	noMatch  = -2
)

// text looks at another form of it, for the guards that test that.
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
	if needs >= many {
		x.set.Scan(&r.scratch)
	}
	r.ids = r.ids[:0]
	for ; groups != 0; groups &= groups - 1 {
		for _, id := range c.groups[bits.TrailingZeros(groups)].Candidates(&r.scratch) {
			if slices.ContainsFunc(x.guards[id].nodes, func(n int32) bool { return r.textOf[n] == i }) && !slices.Contains(r.ids, id) {
				r.ids = append(r.ids, id)
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
	r.eval.spend(dear * len(r.texts[from].text))
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

// confirm asks a rule itself about a value that its guard may match, if that decides it. If
// not, the rule is decided in its phase. text is what the guard's operator gets, but for guards that
// are to be asked in whole.
func (r *Run) confirm(g *guard, v *reading.Value, text string) {
	rule := g.rule
	if !rule.ByValue || len(rule.Links) > 1 { // also without a match of the last link, a match of the first may leave a trace
		r.meet(int32(rule.Number))
		r.meets = append(r.meets, int32(rule.Number))
	}
	if !rule.ByValue || r.asked && r.isMet(rule.Number) {
		return
	}
	if r.matches(g, v, text) {
		r.meet(int32(rule.Number))
		r.inspect(Reason{Rule: rule.ID, Target: name(v), Value: v.Text})
	}
	if rule.KeyKinds>>v.Kind&1 != 0 {
		r.keyed = true
	}
}

// matches reports whether a guard's rule may match because of a value, as [Run.confirm] has it.
func (r *Run) matches(g *guard, v *reading.Value, text string) bool {
	if g.whole {
		return r.eval.matchesValue(g.rule, v)
	}
	r.eval.spend(dear * len(text))
	// The operator alone mostly says no.
	if l := &g.rule.Links[0]; l.Operator.Constant && l.Operator.Match(text, "") == l.Negated {
		return false
	}
	return r.eval.matchesText(g.rule, v, text)
}

func (r *Run) meet(rule int32) { r.met[rule/64] |= 1 << (rule % 64) }

func (r *Run) isMet(rule int) bool { return r.met[rule/64]>>(rule%64)&1 != 0 }

func name(v *reading.Value) string {
	if v.Key == "" {
		return v.Kind.String()
	}
	return v.Kind.String() + ":" + v.Key
}

// turns evaluates the rules of a phase that take turns, or whose guard was met. Once the request is
// not clean, only those count that prepare what others read.
func (r *Run) turns(phase int) {
	for _, rule := range r.screen.turns[phase] {
		if rule.Guard >= 0 && !r.isMet(rule.Number) || r.asked && rule.Effect {
			continue
		}
		r.eval.buffer.Reset()
		r.eval.spend(perValue)
		if r.eval.matches(rule) {
			r.inspect(Reason{Rule: rule.ID})
		}
	}
}
