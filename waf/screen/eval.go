package screen

import (
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/waf/budget"
	"github.com/wafer-waf/wafer/waf/kept"
	"github.com/wafer-waf/wafer/waf/reading"
	"github.com/wafer-waf/wafer/waf/screen/residue"
	"github.com/wafer-waf/wafer/waf/screen/transform"
)

// evaluation runs rules as Coraza runs them (internal/corazawaf/rule.go, doEvaluate). It
// differs where Coraza's answer is left to chance: where Coraza takes the last of several
// values, in the order of a map, the evaluation tries every one of them.
type evaluation struct {
	values   *reading.Values     // of the message; the caller's
	budget   *budget.Budget      // likewise; nil: no limit
	buffer   *transform.Buffer   // lent
	tx       map[string]variable // what rules have set for this request
	kept     *kept.View          // what they see of collections; nil: nothing
	rule     *residue.Rule       // at hand
	captures [10]string          // of the link before
	matched  []match             // by the links before
	doubt    bool                // what the rule at hand sets depends on the order of values
}

// What work costs, in steps of about a nanosecond: perValue is the way to a value, perByte a
// byte that an automaton or a transformation goes over.
const (
	perValue = 128
	perByte  = 4 // a byte of an automaton, of a transformation
)

// spend takes what is about to be done from the budget.
func (e *evaluation) spend(steps int) {
	if !e.budget.Spend(steps) {
		panic(OutOfBudget{})
	}
}

// variable is one of TX, and the rule that has set it.
type variable struct {
	text string
	by   *residue.Rule
}

// match is a value that satisfied a link.
type match struct {
	variable string
	key      string
	text     string
}

func (m *match) name() string {
	if m.key == "" {
		return m.variable
	}
	return m.variable + ":" + m.key
}

// matches reports whether a rule may match with an effect, on the values there are, or may
// have set something other than what it has set here.
func (e *evaluation) matches(r *residue.Rule) bool {
	e.begin(r)
	return e.from(0) && r.Effect || e.doubt
}

// matchesValue reports whether a rule that one value decides may match because of this one.
func (e *evaluation) matchesValue(r *residue.Rule, v *reading.Value) bool {
	return e.matchesBy(r, v, func(t *residue.Target) bool { return e.test(0, t, v.Key, v.Text) })
}

// matchesText is matchesValue where the first link's transformations make text of the value.
func (e *evaluation) matchesText(r *residue.Rule, v *reading.Value, text string) bool {
	return e.matchesBy(r, v, func(t *residue.Target) bool { return e.testText(0, t, v.Key, text) })
}

func (e *evaluation) matchesBy(r *residue.Rule, v *reading.Value, test func(t *residue.Target) bool) bool {
	e.begin(r)
	l := &r.Links[0]
	for i := range l.Targets {
		t := &l.Targets[i]
		for _, k := range t.Kinds {
			if k == v.Kind && !t.Count && t.Selects(v) && test(t) {
				return true
			}
		}
	}
	return e.doubt
}

func (e *evaluation) begin(r *residue.Rule) {
	e.rule, e.matched, e.doubt = r, e.matched[:0], false
}

// from tries every value of link i, and of the links behind it.
func (e *evaluation) from(i int) bool {
	any := false
	l := &e.rule.Links[i]
	for j := range l.Targets {
		t := &l.Targets[j]
		e.each(t, func(key, text string) bool {
			any = e.test(i, t, key, text) || any
			return !any || !e.rule.Effect // one match is enough, unless it has more to set
		})
		if any && e.rule.Effect {
			break
		}
	}
	return any
}

// test tries one value of link i, and if it satisfies it the links behind.
func (e *evaluation) test(i int, t *residue.Target, key, text string) bool {
	l := &e.rule.Links[i]
	if !l.MultiMatch {
		return e.testText(i, t, key, l.Chain.Apply(text, e.buffer))
	}
	any := false
	l.Chain.Each(text, e.buffer, func(text string) bool {
		any = e.testText(i, t, key, text) || any
		return !any || !e.rule.Effect
	})
	return any
}

func (e *evaluation) testText(i int, t *residue.Target, key, text string) bool {
	l := &e.rule.Links[i]
	e.spend(perByte*len(text) + perValue)
	if t.Source != residue.FromNowhere && !e.satisfies(l, text) {
		return false
	}
	depth := len(e.matched)
	e.matched = append(e.matched, match{t.Variable, key, text})
	set := 0
	for j := range l.Keeps {
		k := &l.Keeps[j]
		for ; set < k.Sets; set++ {
			e.assign(&l.Sets[set])
		}
		e.kept.Do(k.Act, e.expandKept(k.Text))
	}
	for ; set < len(l.Sets); set++ {
		e.assign(&l.Sets[set])
	}
	for j := range l.Controls {
		e.control(&l.Controls[j])
	}
	ok := true
	if i+1 < len(e.rule.Links) {
		captures := e.captures
		ok = e.from(i + 1)
		e.captures = captures
	}
	e.matched = e.matched[:depth]
	return ok
}

// satisfies asks the operator of a link.
func (e *evaluation) satisfies(l *residue.Link, text string) bool {
	switch {
	case l.Operator.Opaque != "":
		return true
	case l.Capture: // and not negated
		return l.Operator.Capture(text, &e.captures)
	case l.Operator.Constant:
		return l.Operator.Match(text, "") != l.Negated
	}
	return l.Operator.Match(text, e.expand(l.Operator.Arg)) != l.Negated
}

// each calls f with the key and the text of every value of a target until it returns false.
func (e *evaluation) each(t *residue.Target, f func(key, text string) bool) {
	if t.Count {
		f(t.Key, strconv.Itoa(e.count(t)))
		return
	}
	switch t.Source {
	case residue.FromRequest:
		for _, k := range t.Kinds {
			values := e.values.Of(k)
			for i := range values {
				if t.Selects(&values[i]) && !f(values[i].Key, values[i].Text) {
					return
				}
			}
		}
	case residue.FromTX:
		e.eachTX(t, f)
	case residue.FromKept:
		if text, ok := e.kept.Variable(t.Kept.Kind, t.Kept.Name); ok {
			f(t.Key, text)
		}
	case residue.FromCaptures:
		f(t.Key, e.captures[t.Key[0]-'0'])
	case residue.FromMatched:
		f("", e.matched[len(e.matched)-1].text)
	case residue.FromMatchedName:
		f("", e.matched[len(e.matched)-1].name())
	case residue.FromAllMatched:
		for _, m := range e.matched {
			if !f(m.name(), m.text) {
				return
			}
		}
	case residue.FromAllMatchedNames:
		for _, m := range e.matched {
			if !f(m.name(), m.name()) {
				return
			}
		}
	default:
		f(t.Key, "")
	}
}

// eachTX yields variables of TX: those that this request has set, then those that every
// request has.
func (e *evaluation) eachTX(t *residue.Target, f func(key, text string) bool) {
	known := e.rule.Known.Values
	if t.KeyRx == nil {
		text, ok := e.variable(t.Key)
		if ok && !t.Excepts(t.Key) {
			f(t.Key, text)
		}
		return
	}
	for key, v := range e.tx {
		if t.KeyRx.MatchString(key) && !t.Excepts(key) && !f(key, v.text) {
			return
		}
	}
	for _, key := range t.ConstantKeys {
		if _, set := e.tx[key]; !set && !f(key, known[key]) {
			return
		}
	}
}

func (e *evaluation) count(t *residue.Target) int {
	n := 0
	if t.Source == residue.FromTX {
		e.eachTX(t, func(string, string) bool { n++; return true })
		return n
	}
	if t.Source == residue.FromKept {
		if _, ok := e.kept.Variable(t.Kept.Kind, t.Kept.Name); ok {
			return 1
		}
		return 0
	}
	for _, k := range t.Kinds {
		if t.KeyRx == nil && len(t.Exceptions) == 0 {
			n += e.values.Count(k, t.Key)
			continue
		}
		values := e.values.Of(k)
		for i := range values {
			if t.Selects(&values[i]) {
				n++
			}
		}
	}
	return n
}

// variable is a variable of TX.
func (e *evaluation) variable(key string) (text string, ok bool) {
	if v, ok := e.tx[key]; ok {
		return v.text, true
	}
	text, ok = e.rule.Known.Values[key]
	return text, ok
}

func (e *evaluation) assign(a *residue.Assignment) {
	// Cloned: they may be of the buffer, which is used again, and variables last.
	key := strings.Clone(strings.ToLower(e.expand(a.Key)))
	value := e.expand(a.Value)
	current, _ := e.variable(key)
	after, set := residue.Assigned(current, value)
	switch arithmetic := residue.IsArithmetic(value); {
	case arithmetic && !a.Fixed:
		e.doubt = true
	case arithmetic || !a.Shared: // a sum is the same in any order; the rule's own links see every value
	case e.tx[key].by == e.rule && after != current:
		e.doubt = true
	}
	if !set {
		return
	}
	if e.tx == nil {
		e.tx = map[string]variable{}
	}
	e.tx[key] = variable{strings.Clone(after), e.rule}
}

func (e *evaluation) control(c *residue.Control) {
	e.values.SetProcessor(c.Processor)
}

// expand fills in the places of a macro.
func (e *evaluation) expand(m residue.Macro) string {
	if len(m.Parts) == 1 {
		return e.place(&m.Parts[0])
	}
	var b strings.Builder
	for i := range m.Parts {
		b.WriteString(e.place(&m.Parts[i]))
	}
	return b.String()
}

// expandKept is expand for a text of a collection, where what is not there is nothing.
func (e *evaluation) expandKept(m residue.Macro) string {
	if len(m.Parts) == 1 {
		text, _ := e.filled(&m.Parts[0])
		return text
	}
	var b strings.Builder
	for i := range m.Parts {
		text, _ := e.filled(&m.Parts[i])
		b.WriteString(text)
	}
	return b.String()
}

// place is what stands in a place of a macro.
func (e *evaluation) place(p *residue.Part) string {
	if text, ok := e.filled(p); ok {
		return text
	}
	return p.Text
}

// filled is what a place of a macro is filled in with, if there is something.
func (e *evaluation) filled(p *residue.Part) (text string, ok bool) {
	if p.Kept != nil {
		return e.kept.Variable(p.Kept.Kind, p.Kept.Name)
	}
	switch p.Variable {
	case "":
		return p.Text, true
	case "TX":
		if residue.IsCapture(p.Key) {
			return e.captures[p.Key[0]-'0'], true
		}
		return e.variable(p.Key)
	case "MATCHED_VAR":
		return e.matched[len(e.matched)-1].text, true
	case "MATCHED_VAR_NAME":
		return e.matched[len(e.matched)-1].name(), true
	}
	for _, k := range p.Kinds {
		if v, ok := e.values.First(k, p.Key); ok {
			return v.Text, true
		}
	}
	return "", false
}
