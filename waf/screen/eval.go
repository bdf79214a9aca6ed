package screen

import (
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/waf/screen/extract"
	"github.com/wafer-waf/wafer/waf/screen/transform"
)

// evaluation runs rules as Coraza runs them (internal/corazawaf/rule.go, doEvaluate), but for
// what their order among each other leaves open: where Coraza takes the last of several
// values, in the order of a map, every one of them is tried.
type evaluation struct {
	values   extract.Values
	buffer   transform.Buffer
	tx       map[string]string // what rules have set for this request
	rule     *rule             // at hand
	captures [10]string        // of the link before
	matched  []match           // by the links before
	force    bool              // parse the body whatever its media type
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

// matches reports whether a rule may match, on the values there are.
func (e *evaluation) matches(r *rule) bool {
	e.begin(r)
	return e.from(0)
}

// matchesValue reports whether a pure rule may match because of one value.
func (e *evaluation) matchesValue(r *rule, v *extract.Value) bool {
	e.begin(r)
	l := &r.links[0]
	for i := range l.targets {
		t := &l.targets[i]
		for _, k := range t.kinds {
			if k == v.Kind && !t.Count && t.selects(v) {
				return e.test(0, t.Variable, v.Key, v.Text)
			}
		}
	}
	return false
}

func (e *evaluation) begin(r *rule) {
	e.rule, e.matched = r, e.matched[:0]
}

// from tries every value of link i, and of the links behind it.
func (e *evaluation) from(i int) bool {
	any := false
	l := &e.rule.links[i]
	for j := range l.targets {
		t := &l.targets[j]
		e.each(t, func(key, text string) bool {
			any = e.test(i, t.Variable, key, text) || any
			return !any || !e.rule.effect // one match is enough, unless it has more to set
		})
		if any && e.rule.effect {
			break
		}
	}
	return any
}

// test tries one value of link i, and if it satisfies it the links behind.
func (e *evaluation) test(i int, variable, key, text string) bool {
	l := &e.rule.links[i]
	if !l.multiMatch {
		return e.testText(i, variable, key, l.chain.Apply(text, &e.buffer))
	}
	any := false
	l.chain.Each(text, &e.buffer, func(text string) bool {
		any = e.testText(i, variable, key, text) || any
		return !any || !e.rule.effect
	})
	return any
}

func (e *evaluation) testText(i int, variable, key, text string) bool {
	l := &e.rule.links[i]
	match_ := l.operator.match
	if l.capture {
		match_ = l.operator.capture
	}
	if match_(e, text) == l.negated && l.operator.vague == "" {
		return false
	}
	depth := len(e.matched)
	e.matched = append(e.matched, match{variable, key, text})
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
		text, ok := e.tx[t.Key]
		if !ok {
			text, ok = known[t.Key]
		}
		if ok && !t.Excepts(t.Key) {
			f(t.Key, text)
		}
		return
	}
	for key, text := range e.tx {
		if t.KeyRx.MatchString(key) && !t.Excepts(key) && !f(key, text) {
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

func (e *evaluation) assign(a *assignment) {
	key := strings.ToLower(a.key.expand(e))
	current, ok := e.tx[key]
	if !ok {
		current = e.rule.known.values[key]
	}
	if e.tx == nil {
		e.tx = map[string]string{}
	}
	setVariable(e.tx, key, current, a.value.expand(e))
}

func (e *evaluation) control(c *control) {
	if c.processor != "" {
		e.values.SetProcessor(c.processor)
	}
	if c.force {
		e.force = c.forced
	}
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
		if v, ok := e.tx[p.key]; ok {
			return v
		}
		if v, ok := e.rule.known.values[p.key]; ok {
			return v
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
