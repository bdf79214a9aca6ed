package screen

import (
	"slices"

	"github.com/wafer-waf/wafer/waf/budget"
	"github.com/wafer-waf/wafer/waf/kept"
	"github.com/wafer-waf/wafer/waf/reading"
	"github.com/wafer-waf/wafer/waf/screen/residue"
)

// Run screens one request and the response to it, phase by phase. Once a phase is not clean, it
// goes on to learn which other rules may match. It belongs to one goroutine at a time.
type Run struct {
	screen     *Screen
	eval       evaluation
	*workspace          // lent, while it works
	triggered  []uint64 // rules whose guard a value satisfied, but for those that one value was enough to rule out; a bit each
	processor  string   // REQBODY_PROCESSOR behind phase 1
	seen       int      // phases whose values have all been looked at
	unclean    bool     // not everything was clean
	reason     Reason   // why
	without    []int    // rules that do not count, by id

	// These are about the value at hand.
	textOf     []int32 // by node; 0 between values
	unionState []int32 // by union: how many candidates it has, or what it said; 0 between values
	toConfirm  []int32 // guards that may match, which are asked next
	steps      []applied
	changed    []int32 // nodes whose text is not the value
	triggers   []int32 // rules whose guard it satisfied, as in triggered
	byKey      bool    // the outcome depends on its key too
}

// Reason says why a request was not proved clean.
type Reason struct {
	Rule   int    // the rule that may match; 0: none, see What
	Target string // the value that it may match, as ARGS:name; empty: no single one
	Value  string // that value
	What   string // a reason other than a rule
}

// OutOfBudget is the panic with which a run ends when its budget is spent. The run may not be
// used any more.
type OutOfBudget struct{}

// Within has the run keep to a budget, which is the caller's.
func (r *Run) Within(b *budget.Budget) { r.eval.budget = b }

// Keep has the run's rules see, and change, what a view has of collections. Its changes count if the whole
// message is clean.
func (r *Run) Keep(v *kept.View) { r.eval.kept = v }

// Without has the run go on as if rules, by id, never matched.
func (r *Run) Without(rules []int) { r.without = rules }

// Head screens the head of a request, which has been read, by all rules that read nothing else, and
// reports whether it is clean so far.
func (r *Run) Head() bool {
	r.phase(1)
	r.processor = r.eval.values.Text(reading.ReqbodyProcessor)
	return !r.unclean
}

// Processor is REQBODY_PROCESSOR behind phase 1, as far as rules set it that do not depend on
// what is assumed not to match. It is known after Head.
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

// Answered says with which status a request was answered of whose response no head was screened. Last is next.
func (r *Run) Answered(status int) {
	r.eval.values.Answered(status)
	r.acquire()
	r.scan(residue.Settled(reading.ResponseStatus))
	r.release()
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
		screen: r.screen, triggered: r.triggered, textOf: r.textOf, unionState: r.unionState, toConfirm: r.toConfirm[:0], steps: r.steps[:0], changed: r.changed[:0], triggers: r.triggers[:0],
		eval: evaluation{matched: r.eval.matched[:0]},
	}
	clear(r.triggered)
	r.screen.runs.Put(r)
}

// inspect notes why the request is not clean, and reports that.
func (r *Run) inspect(why Reason) bool {
	if !r.unclean && !(why.Rule != 0 && slices.Contains(r.without, why.Rule)) {
		r.unclean, r.reason = true, why
	}
	return false
}

func (r *Run) phase(n int) bool {
	r.acquire()
	r.scan(n)
	r.turns(n)
	r.release()
	if r.seen == n-1 {
		r.seen = n
	}
	return !r.unclean
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

// turns evaluates the rules of a phase that no single value decides: those without a guard,
// and those whose guard a value satisfied. Once the request is not clean, only those count
// that prepare what others read.
func (r *Run) turns(phase int) {
	for _, rule := range r.screen.turns[phase] {
		if rule.Guard >= 0 && !r.isTriggered(rule.Number) || r.unclean && rule.Effect {
			continue
		}
		r.eval.buffer.Reset()
		r.eval.spend(perValue)
		if r.eval.matches(rule) {
			r.inspect(Reason{Rule: rule.ID})
		}
	}
}
