package screen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/waf/reading"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
	"github.com/wafer-waf/wafer/waf/screen/transform"
)

// folder evaluates a policy's rules as far as no request is needed for it: set-up rules
// become constants, what a paranoia level switches off disappears, and what is left are the
// rules that a request decides.
//
// It follows Coraza's order, phase by phase. Of the rules that it cannot decide it assumes
// that those with an effect do not match: if one does, the request goes to Coraza, and
// nothing that was concluded from the assumption counts.
type folder struct {
	program  *seclang.Program
	compiler *Compiler
	reads    reads

	phase   int
	known   *constants
	rules   []*rule
	of      map[*seclang.Rule]*rule // of those that a request decides
	changed map[*seclang.Rule]bool  // set-up rules that made a difference
	skips   map[*seclang.Rule]bool  // rules that skip others for every request
	firm    map[*seclang.Rule]bool  // rules whose taking others out must not be passed over
}

// fold compiles the program's rules. The error says which rule makes the policy one that has
// no screen.
func (c *Compiler) fold(program *seclang.Program) ([]*rule, error) {
	firm := map[*seclang.Rule]bool{}
	for {
		f := &folder{
			program: program, compiler: c, reads: readsOf(program), known: newConstants(),
			of: map[*seclang.Rule]*rule{}, changed: map[*seclang.Rule]bool{}, skips: map[*seclang.Rule]bool{}, firm: firm,
		}
		if err := f.fold(); err != nil {
			return nil, err
		}
		if !f.foundFirm() {
			return f.rules, nil
		}
	}
}

func (f *folder) fold() error {
	for f.phase = 1; f.phase <= 5; f.phase++ {
		skipAfter := ""
		for i, r := range f.program.Rules {
			switch {
			case r.Marker != "":
				if r.Marker == skipAfter {
					skipAfter = ""
				}
			case skipAfter != "" || r.Phase != f.phase:
			default:
				next, err := f.add(i, r)
				if err != nil {
					return fmt.Errorf("rule %d %w", r.ID, err)
				}
				skipAfter = next
			}
		}
	}
	f.order()
	f.spare()
	if err := f.addTraps(); err != nil {
		return err
	}
	for n, r := range f.rules {
		r.n = n
	}
	return nil
}

// outcome is what is known of a link without a request.
type outcome uint8

const (
	unsure outcome = iota
	always
	never
)

// add compiles a rule, or decides it. It returns the marker to go on at.
func (f *folder) add(at int, r *seclang.Rule) (skipAfter string, err error) {
	out := &rule{id: r.ID, phase: r.Phase, guard: -1, known: f.known}
	sure := true // all links so far match always
	local := f.known.snapshot()
	for i := range r.Links {
		l, err := f.link(r, i, local, out.links)
		if err != nil {
			return "", err
		}
		last := i == len(r.Links)-1
		if last && f.effective(r) || f.acts(r, i) {
			l.sets = nil // it matches, or nothing is set
		}
		result := f.decide(&l, r.Links[i].Operator.Name == "", local)
		if result == never {
			if sure {
				f.known = local // what the links before have set stays
				return "", nil
			}
			f.keep(out, r, local) // what the links before set, remains
			return "", nil
		}
		if sure = sure && result == always; sure {
			if err := f.run(r, &l, local); err != nil {
				return "", err
			}
			l.sets = nil
		} else {
			f.blur(&l, local)
		}
		out.links = append(out.links, l)
		if !last && (f.acts(r, i) || i > 0 && len(l.sets) > 0) {
			// What a link does, it does whether or not those behind it match; and what one in the
			// middle sets, it sets once for each of its values, not once for each of those before.
			out.effect = true
			break
		}
	}
	if sure {
		f.known = local
		return f.conclude(at, r)
	}
	out.effect = out.effect || f.effective(r) || !f.harmlessFlow(at, r)
	f.keep(out, r, local)
	return "", nil
}

// acts reports whether a match of a link shows, whatever becomes of the rule.
func (f *folder) acts(r *seclang.Rule, i int) bool {
	return slices.ContainsFunc(r.Links[i].Actions, func(a seclang.Action) bool { return f.consequence(r, a) == effect })
}

// keep takes a rule up that a request decides, unless nothing follows from it.
func (f *folder) keep(out *rule, r *seclang.Rule, local *constants) {
	sets, controls, foreign, opaque := false, false, false, false
	for i := range out.links {
		l := &out.links[i]
		opaque = opaque || l.opaque()
		sets = sets || len(l.sets) > 0
		controls = controls || len(l.controls) > 0
		foreign = foreign || len(l.sets) > 0 && !f.setsOwn(r, &r.Links[i])
	}
	if !out.effect && !sets && !controls {
		return
	}
	if foreign && len(out.links) > 1 || (foreign || controls) && opaque {
		// In a chain it is open which of several values comes last, and so what others read; and a
		// rule that is not understood may as well set nothing.
		out.effect = true
	}
	f.known, out.known = local, local
	f.rules = append(f.rules, out)
	f.of[r] = out
}

// conclude decides a rule that matches always.
func (f *folder) conclude(at int, r *seclang.Rule) (skipAfter string, err error) {
	switch {
	case f.effective(r):
		return "", fmt.Errorf("matches every request")
	case r.Skip != "":
		return "", fmt.Errorf("skips by number")
	case r.SkipAfter == "":
		return "", nil
	}
	if !slices.ContainsFunc(f.program.Rules[at:], func(m *seclang.Rule) bool { return m.Marker == r.SkipAfter }) {
		return "", fmt.Errorf("skips to %q, which does not follow", r.SkipAfter)
	}
	f.skips[r] = true
	return r.SkipAfter, nil
}

// effective reports whether a match of the whole rule shows: in a verdict, in a log, or in
// what the engine does from then on.
func (f *folder) effective(r *seclang.Rule) bool {
	if r.Log || r.Disruptive.Name != "pass" && r.Disruptive.Name != "" && r.Disruptive.Name != "block" {
		return true
	}
	for i := range r.Links {
		if f.acts(r, i) {
			return true
		}
	}
	return false
}

// consequence is what an action does to others than the client.
type consequence uint8

const (
	nothing consequence = iota
	assigns
	controlsBody
	effect
)

// consequence classifies an action.
func (f *folder) consequence(r *seclang.Rule, a seclang.Action) consequence {
	switch a.Name {
	case "setvar":
		switch key := keyOf(a); {
		case len(key.parts) == 0 || !strings.Contains(a.Arg, "="):
			return effect // without a value Coraza v3.8.1 panics, also to remove one
		case len(f.reads.by(key)) == 0 && !f.reads.hit(key):
			return nothing // nobody will know
		case a.Arg[0] == '!':
			return effect
		}
		return assigns
	case "expirevar", "initcol": // Coraza does nothing
		return nothing
	case "ctl":
		name, _, _ := strings.Cut(a.Arg, "=")
		switch name {
		case "auditEngine", "auditLogParts", "debugLogLevel", "hashEngine", "hashEnforcement",
			"forceRequestBodyVariable": // a body is read in any case
			return nothing
		case "requestBodyProcessor":
			if r.Phase > 1 {
				return nothing // too late
			}
			return controlsBody
		case "ruleRemoveById", "ruleRemoveByTag", "ruleRemoveByMsg", "ruleRemoveTargetById", "ruleRemoveTargetByTag", "ruleRemoveTargetByMsg":
			// Fewer rules, or fewer values: what is clean without it is clean with it.
			if !f.firm[r] {
				return nothing
			}
		}
	}
	return effect
}

// foundFirm looks for rules that, for some requests, take others out which prepare what a
// third reads. There the rule must not be passed over: it becomes one with an effect.
func (f *folder) foundFirm() bool {
	found := false
	for at, r := range f.program.Rules {
		for i := range r.Links {
			for _, a := range r.Links[i].Actions {
				if name, value, _ := strings.Cut(a.Arg, "="); a.Name == "ctl" && strings.HasPrefix(name, "ruleRemove") && !f.firm[r] && f.removesMore(at, name, value) {
					f.firm[r], found = true, true
				}
			}
		}
	}
	return found
}

// removesMore reports whether one of the rules behind the rule at index at that a ctl takes
// out, in whole or in part, does more than check.
func (f *folder) removesMore(at int, ctl, value string) bool {
	value, variable, _ := strings.Cut(value, ";")
	variable, _, _ = strings.Cut(variable, ":")
	variable = strings.ToUpper(strings.TrimSpace(variable))
	part := strings.HasPrefix(ctl, "ruleRemoveTarget")
	from := f.program.Rules[at]
	for i, r := range f.program.Rules {
		if r.Marker != "" || r.Phase < from.Phase || r.Phase == from.Phase && i <= at || !removes(ctl, value, r) {
			continue
		}
		if reads, counts := targeted(r, variable); part && counts {
			return true // with one value less it may match
		} else if part && !reads {
			continue
		}
		if f.changed[r] || f.skips[r] && (part || f.skipsMore(i, ctl, value)) {
			return true
		}
		out := f.of[r]
		if out == nil {
			continue
		}
		for j := range out.links {
			l := &out.links[j]
			if len(l.controls) > 0 || len(l.sets) > 0 && !f.setsOwn(r, &r.Links[j]) {
				return true
			}
		}
	}
	return false
}

// targeted reports whether a rule has a target of the variable, and one that counts its values.
func targeted(r *seclang.Rule, variable string) (reads, counts bool) {
	for i := range r.Links {
		for _, t := range r.Links[i].Targets {
			if t.Variable == variable {
				reads, counts = true, counts || t.Count
			}
		}
	}
	return reads, counts
}

// skipsMore reports whether the rule at index at skips one that the ctl does not take out with it.
func (f *folder) skipsMore(at int, ctl, value string) bool {
	r := f.program.Rules[at]
	for _, s := range f.program.Rules[at+1:] {
		if s.Marker == r.SkipAfter {
			break
		}
		if s.Marker == "" && s.Phase == r.Phase && !removes(ctl, value, s) {
			return true
		}
	}
	return false
}

func removes(ctl, value string, r *seclang.Rule) bool {
	switch {
	case strings.HasSuffix(ctl, "ByTag"):
		return slices.Contains(r.Tags, value)
	case strings.HasSuffix(ctl, "ByMsg"):
		return r.Msg == value
	}
	from, to, ranged := strings.Cut(value, "-")
	if !ranged {
		to = from
	}
	return r.ID >= atoi(from) && r.ID <= atoi(to)
}

// harmlessFlow reports whether a rule that a request decides may be taken for one that does
// not skip: if all that it skips are checks.
func (f *folder) harmlessFlow(at int, r *seclang.Rule) bool {
	if r.Skip == "" && r.SkipAfter == "" {
		return true
	}
	left := atoi(r.Skip)
	inside := map[string]bool{}
	var jumps []string
	for _, s := range f.program.Rules[at+1:] {
		if s.Marker != "" {
			inside[s.Marker] = true
		}
		if r.SkipAfter != "" && s.Marker == r.SkipAfter {
			// What would have skipped on from inside must not lead further.
			return r.Skip == "" && !slices.ContainsFunc(jumps, func(j string) bool { return !inside[j] })
		}
		if s.Marker == "" && s.Phase != f.phase {
			continue
		}
		if s.Skip != "" || !f.onlyChecks(s) {
			return false
		}
		if s.SkipAfter != "" {
			jumps = append(jumps, s.SkipAfter)
		}
		if r.Skip != "" && !f.mayBeGone(s, r) {
			if left--; left == 0 {
				return r.SkipAfter == "" && len(jumps) == 0
			}
		}
	}
	return false // the end is not where it should be
}

// onlyChecks reports whether a rule does nothing, unless it has an effect, that others rely on.
func (f *folder) onlyChecks(r *seclang.Rule) bool {
	for i := range r.Links {
		for _, a := range r.Links[i].Actions {
			last := f.effective(r) && i == len(r.Links)-1
			if c := f.consequence(r, a); c == controlsBody || c == assigns && !last && !f.setsOwn(r, &r.Links[i]) {
				return false
			}
		}
	}
	return true
}

// mayBeGone reports whether some ctl takes a rule out without taking out the one that skips it:
// then it does not count among the skipped.
func (f *folder) mayBeGone(s, skipper *seclang.Rule) bool {
	for _, r := range f.program.Rules {
		for i := range r.Links {
			for _, a := range r.Links[i].Actions {
				name, value, _ := strings.Cut(a.Arg, "=")
				if a.Name == "ctl" && strings.HasPrefix(name, "ruleRemoveBy") && s.Marker == "" && removes(name, value, s) && !removes(name, value, skipper) {
					return true
				}
			}
		}
	}
	return false
}

// setsOwn reports whether nobody but the rule itself reads what a link of it sets.
func (f *folder) setsOwn(r *seclang.Rule, l *seclang.Link) bool {
	for _, a := range l.Actions {
		if f.consequence(r, a) != assigns {
			continue
		}
		for _, reader := range f.reads.by(keyOf(a)) {
			if reader != r {
				return false
			}
		}
	}
	return true
}

// keyOf is the key of the variable that a setvar sets.
func keyOf(a seclang.Action) macro {
	key, _, _ := strings.Cut(strings.TrimPrefix(a.Arg, "!"), "=")
	_, key, _ = strings.Cut(key, ".")
	return parseMacro(key)
}

// link compiles a link. before are those in front of it.
func (f *folder) link(r *seclang.Rule, i int, known *constants, before []link) (link, error) {
	src := &r.Links[i]
	l := link{negated: src.Operator.Negated, multiMatch: src.MultiMatch, operator: &operator{}}
	for _, t := range src.Targets {
		l.targets = append(l.targets, f.target(t, before, known))
		if last := &l.targets[len(l.targets)-1]; len(src.Transformations) > 0 && stale(t.Variable) {
			last.source = fromNowhere
		}
	}
	if src.Operator.Name == "" { // a SecAction: a match without a value
		l.targets = []target{{Target: seclang.Target{Variable: "UNKNOWN"}, source: fromNowhere}}
	} else {
		var err error
		if l.operator, err = f.compiler.compile(src.Operator, argument(src.Operator).resolve(known)); err != nil {
			return l, err
		}
		_, constant := argument(src.Operator).constant()
		l.assumes = !constant
		if !leftBy(before, l.operator.arg) || readsMatched(l.operator.arg) && i < len(r.Links)-1 {
			l.operator = vaguely("what other values have left")
		}
	}
	for _, name := range src.Transformations {
		t, ok := transform.Lookup(name)
		if !ok {
			l.operator = vaguely("transformation " + name)
			break
		}
		l.chain = append(l.chain, t)
	}
	if src.Capture && (f.captureRead(r, i) || readsCaptures(src.Actions)) {
		if l.operator.capture == nil || l.negated {
			l.operator = vaguely("captures of @" + src.Operator.Name)
		} else {
			l.capture = true
		}
	}
	for _, a := range src.Actions {
		switch f.consequence(r, a) {
		case assigns:
			s, ok := f.assignment(r, &l, a, known)
			if !ok {
				return l, fmt.Errorf("sets a variable in a way that is not understood: %s", a.Arg)
			}
			l.sets = append(l.sets, s)
		case controlsBody:
			_, value, _ := strings.Cut(a.Arg, "=")
			l.controls = append(l.controls, control{strings.ToUpper(value)})
		}
	}
	return l, nil
}

// assignment compiles a setvar of a link.
func (f *folder) assignment(r *seclang.Rule, l *link, a seclang.Action, known *constants) (assignment, bool) {
	_, value, found := strings.Cut(a.Arg, "=")
	s := assignment{key: keyOf(a).resolve(known), value: parseMacro(value).resolve(known)}
	_, s.fixed = s.value.constant()
	s.shared = slices.ContainsFunc(f.reads.by(keyOf(a)), func(reader *seclang.Rule) bool { return reader != r })
	key, constant := s.key.constant()
	if !found || constant && ofEngine(strings.ToLower(key)) || !constant && s.key.parts[0].variable != "" {
		return s, false
	}
	for _, m := range []macro{s.key, s.value} {
		if !m.understood() || l.opaque() && readsMatched(m) || !leftBy([]link{*l}, m) {
			return s, false
		}
	}
	return s, true
}

// leftBy reports whether what a macro reads of captures and of matched values was left by the
// given links, the last ones that matched, and not by other rules.
func leftBy(links []link, m macro) bool {
	ok := true
	m.reads(func(key string) { ok = ok && (!isCapture(key) || captured(links, key)) })
	return ok && (!readsMatched(m) || matchedBy(links))
}

// captured reports whether a match of the links is sure to set the capture.
func captured(links []link, key string) bool {
	return matchedBy(links) && slices.ContainsFunc(links, func(l link) bool { return l.capture && int(key[0]-'0') < l.operator.groups })
}

// matchedBy reports whether there are links and what they match is known.
func matchedBy(links []link) bool {
	return len(links) > 0 && !slices.ContainsFunc(links, func(l link) bool { return l.opaque() })
}

func readsMatched(m macro) bool {
	return slices.ContainsFunc(m.parts, func(p macroPart) bool { return strings.HasPrefix(p.variable, "MATCHED_VAR") })
}

// argument is an operator's argument, with places where Coraza would fill them in while a request
// runs.
func argument(o seclang.Operator) macro {
	switch o.Name {
	case "eq", "ge", "gt", "le", "lt", "streq", "contains", "strmatch", "beginswith", "endswith", "within":
		return parseMacro(o.Arg)
	}
	return macro{parts: []macroPart{{text: o.Arg}}}
}

func readsCaptures(actions []seclang.Action) bool {
	found := false
	for _, a := range actions {
		if a.Name == "setvar" {
			parseMacro(a.Arg).reads(func(key string) { found = found || isCapture(key) })
		}
	}
	return found
}

// captureRead reports whether a link behind link i reads what it captures.
func (f *folder) captureRead(r *seclang.Rule, i int) bool {
	found := false
	for _, l := range r.Links[i+1:] {
		for _, t := range l.Targets {
			found = found || t.Variable == "TX" && isCapture(t.Key)
		}
		parseMacro(l.Operator.Arg).reads(func(key string) { found = found || isCapture(key) })
		found = found || readsCaptures(l.Actions)
	}
	return found
}

// target compiles a target of a link. before are the links in front of it.
func (f *folder) target(t seclang.Target, before []link, known *constants) target {
	out := target{Target: t, source: fromNowhere}
	plain := t.Key == "" && t.KeyRx == nil && len(t.Exceptions) == 0 && !t.Count && matchedBy(before)
	switch t.Variable {
	case "TX":
		switch {
		case isCapture(t.Key):
			if captured(before, t.Key) && !t.Count && len(t.Exceptions) == 0 {
				out.source = fromCaptures
			}
		case ofEngine(t.Key):
		case t.Key != "":
			out.source = fromTX
		case t.KeyRx != nil && !slices.ContainsFunc(engineKeys, t.KeyRx.MatchString):
			out.source = fromTX
			for key := range known.values {
				if t.KeyRx.MatchString(key) && !t.Excepts(key) {
					out.known = append(out.known, key)
				}
			}
		}
	case "MATCHED_VAR":
		if plain {
			out.source = fromMatched
		}
	case "MATCHED_VAR_NAME":
		if plain {
			out.source = fromMatchedName
		}
	case "MATCHED_VARS":
		if plain {
			out.source = fromAllMatched
		}
	case "MATCHED_VARS_NAMES":
		if plain {
			out.source = fromAllMatchedNames
		}
	default:
		if kinds, ok := reading.KindOf(t.Variable); ok {
			out.source = fromRequest
			for _, k := range kinds {
				if f.phase >= firstPhase(k) {
					out.kinds = append(out.kinds, k)
				}
			}
		}
	}
	return out
}

// stale reports whether Coraza may show a rule a value that the variable had before: it
// remembers what transformations made of a variable's value for the whole phase, and of
// these variables the value changes meanwhile (internal/corazawaf/rule.go, transformArg).
func stale(variable string) bool {
	return variable == "MATCHED_VAR" || variable == "MATCHED_VARS" || variable == "MATCHED_VAR_NAME" || variable == "REQBODY_PROCESSOR"
}

// decide evaluates a link that depends on no request.
func (f *folder) decide(l *link, action bool, known *constants) outcome {
	if action {
		return always
	}
	if l.operator.vague != "" {
		return unsure
	}
	if !l.operator.constant {
		return unsure
	}
	e := &evaluation{rule: &rule{known: known, links: []link{*l}}, buffer: new(transform.Buffer)}
	result := never
	for i := range l.targets {
		t := &l.targets[i]
		switch t.source {
		case fromTX:
			if t.KeyRx == nil && known.isDynamic(t.Key) || t.KeyRx != nil && known.mayMatch(t.KeyRx) {
				return unsure
			}
		case fromRequest:
			if len(t.kinds) > 0 || t.Count {
				return unsure
			}
			continue
		default:
			return unsure
		}
		e.each(t, func(_, text string) bool {
			texts := []string{text}
			if l.multiMatch {
				texts = texts[:0]
				l.chain.Each(text, e.buffer, func(s string) bool { texts = append(texts, s); return true })
			} else {
				texts[0] = l.chain.Apply(text, e.buffer)
			}
			for _, s := range texts {
				if l.operator.match(e, s) != l.negated {
					result = always
				}
			}
			return true
		})
	}
	return result
}

// run carries out what a link that always matches sets.
func (f *folder) run(r *seclang.Rule, l *link, known *constants) error {
	if len(l.controls) > 0 {
		return fmt.Errorf("decides how every body is parsed")
	}
	for _, s := range l.sets {
		key, ok1 := s.key.constant()
		value, ok2 := s.value.constant()
		key = strings.ToLower(key)
		if !ok1 {
			return fmt.Errorf("sets a variable whose name depends on requests")
		}
		if !ok2 || known.isDynamic(key) {
			return fmt.Errorf("sets %s to what depends on requests", key)
		}
		before, was := known.values[key]
		if after, set := assigned(before, value); set && (!was || after != before) {
			known.values[key] = after
			f.changed[r] = true
		}
	}
	return nil
}

// blur forgets the values of variables that a link may set.
func (f *folder) blur(l *link, known *constants) {
	for _, s := range l.sets {
		if key, ok := s.key.constant(); ok {
			known.dynamic[strings.ToLower(key)] = true
			continue
		}
		prefix := ""
		if p := s.key.parts[0]; p.variable == "" {
			prefix = strings.ToLower(p.text)
		}
		known.prefixes = append(known.prefixes, prefix)
	}
}
