package screen

import (
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/waf/budget"
	"github.com/wafer-waf/wafer/waf/reading"
	"github.com/wafer-waf/wafer/waf/screen/transform"
)

// evaluation runs rules as Coraza runs them (internal/corazawaf/rule.go, doEvaluate), but for
// what their order among each other leaves open: where Coraza takes the last of several
// values, in the order of a map, every one of them is tried.
type evaluation struct {
	values   *reading.Values     // of the message; the caller's
	budget   *budget.Budget      // likewise; nil: no limit
	buffer   *transform.Buffer   // lent
	tx       map[string]variable // what rules have set for this request
	rule     *rule               // at hand
	captures [10]string          // of the link before
	matched  []match             // by the links before
	doubt    bool                // what the rule at hand sets depends on the order of values
}

// What work costs, in steps of about a nanosecond.
const (
	perValue = 128 // the way to a value
	dear     = 4   // a byte of an automaton, of a transformation
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
	by   *rule
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
func (e *evaluation) matches(r *rule) bool {
	e.begin(r)
	return e.from(0) && r.effect || e.doubt
}

// matchesValue reports whether a pure rule may match because of one value.
func (e *evaluation) matchesValue(r *rule, v *reading.Value) bool {
	return e.matchesBy(r, v, func(t *target) bool { return e.test(0, t, v.Key, v.Text) })
}

// matchesText is matchesValue where the first link's transformations make text of the value.
func (e *evaluation) matchesText(r *rule, v *reading.Value, text string) bool {
	return e.matchesBy(r, v, func(t *target) bool { return e.testText(0, t, v.Key, text) })
}

func (e *evaluation) matchesBy(r *rule, v *reading.Value, test func(t *target) bool) bool {
	e.begin(r)
	l := &r.links[0]
	for i := range l.targets {
		t := &l.targets[i]
		for _, k := range t.kinds {
			if k == v.Kind && !t.Count && t.selects(v) && test(t) {
				return true
			}
		}
	}
	return e.doubt
}

func (e *evaluation) begin(r *rule) {
	e.rule, e.matched, e.doubt = r, e.matched[:0], false
}

// from tries every value of link i, and of the links behind it.
func (e *evaluation) from(i int) bool {
	any := false
	l := &e.rule.links[i]
	for j := range l.targets {
		t := &l.targets[j]
		e.each(t, func(key, text string) bool {
			any = e.test(i, t, key, text) || any
			return !any || !e.rule.effect // one match is enough, unless it has more to set
		})
		if any && e.rule.effect {
			break
		}
	}
	return any
}

// test tries one value of link i, and if it satisfies it the links behind.
func (e *evaluation) test(i int, t *target, key, text string) bool {
	l := &e.rule.links[i]
	if !l.multiMatch {
		return e.testText(i, t, key, l.chain.Apply(text, e.buffer))
	}
	any := false
	l.chain.Each(text, e.buffer, func(text string) bool {
		any = e.testText(i, t, key, text) || any
		return !any || !e.rule.effect
	})
	return any
}

func (e *evaluation) testText(i int, t *target, key, text string) bool {
	l := &e.rule.links[i]
	e.spend(dear*len(text) + perValue)
	if t.source != fromNowhere && !e.satisfies(l, text) {
		return false
	}
	depth := len(e.matched)
	e.matched = append(e.matched, match{t.Variable, key, text})
	for j := range l.sets {
		e.assign(&l.sets[j])
	}
	for j := range l.controls {
		e.control(&l.controls[j])
	}
	ok := true
	if i+1 < len(e.rule.links) {
		captures := e.captures
		ok = e.from(i + 1)
		e.captures = captures
	}
	e.matched = e.matched[:depth]
	return ok
}

// satisfies asks the operator of a link.
func (e *evaluation) satisfies(l *link, text string) bool {
	switch {
	case l.operator.vague != "":
		return true
	case l.capture: // and not negated
		return l.operator.capture(e, text)
	}
	return l.operator.match(e, text) != l.negated
}

// each calls f with the key and the text of every value of a target until it returns false.
func (e *evaluation) each(t *target, f func(key, text string) bool) {
	if t.Count {
		f(t.Key, strconv.Itoa(e.count(t)))
		return
	}
	switch t.source {
	case fromRequest:
		for _, k := range t.kinds {
			values := e.values.Of(k)
			for i := range values {
				if t.selects(&values[i]) && !f(values[i].Key, values[i].Text) {
					return
				}
			}
		}
	case fromTX:
		e.eachTX(t, f)
	case fromCaptures:
		f(t.Key, e.captures[t.Key[0]-'0'])
	case fromMatched:
		f("", e.matched[len(e.matched)-1].text)
	case fromMatchedName:
		f("", e.matched[len(e.matched)-1].name())
	case fromAllMatched:
		for _, m := range e.matched {
			if !f(m.name(), m.text) {
				return
			}
		}
	case fromAllMatchedNames:
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
func (e *evaluation) eachTX(t *target, f func(key, text string) bool) {
	known := e.rule.known.values
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
	for _, key := range t.known {
		if _, set := e.tx[key]; !set && !f(key, known[key]) {
			return
		}
	}
}

func (e *evaluation) count(t *target) int {
	n := 0
	if t.source == fromTX {
		e.eachTX(t, func(string, string) bool { n++; return true })
		return n
	}
	for _, k := range t.kinds {
		if t.KeyRx == nil && len(t.Exceptions) == 0 {
			n += e.values.Count(k, t.Key)
			continue
		}
		values := e.values.Of(k)
		for i := range values {
			if t.selects(&values[i]) {
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
	text, ok = e.rule.known.values[key]
	return text, ok
}

func (e *evaluation) assign(a *assignment) {
	// Cloned: they may be of the buffer, which is used again, and variables last.
	key := strings.Clone(strings.ToLower(a.key.expand(e)))
	value := a.value.expand(e)
	current, _ := e.variable(key)
	after, set := assigned(current, value)
	switch arithmetic := isArithmetic(value); {
	case arithmetic && !a.fixed:
		e.doubt = true
	case arithmetic || !a.shared: // a sum is the same in any order; the rule's own links see every value
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

func (e *evaluation) control(c *control) {
	e.values.SetProcessor(c.processor)
}

// place fills in a place of a macro.
func (e *evaluation) place(p *macroPart) string {
	switch p.variable {
	case "":
		return p.text
	case "TX":
		if isCapture(p.key) {
			return e.captures[p.key[0]-'0']
		}
		if text, ok := e.variable(p.key); ok {
			return text
		}
	case "MATCHED_VAR":
		return e.matched[len(e.matched)-1].text
	case "MATCHED_VAR_NAME":
		return e.matched[len(e.matched)-1].name()
	}
	for _, k := range p.kinds {
		if v, ok := e.values.First(k, p.key); ok {
			return v.Text
		}
	}
	return p.text
}
