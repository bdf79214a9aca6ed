package waf

import (
	"cmp"
	"slices"
	"strings"

	"github.com/corazawaf/coraza/v3/types"
	"github.com/corazawaf/coraza/v3/types/variables"
	"github.com/wafer-waf/wafer/waf/kept"
)

func (t *Transaction) match(m types.MatchedRule) Match {
	r := m.Rule()
	score := t.engine.scores[r.ID()]
	out := Match{
		RuleID: r.ID(), Phase: int(r.Phase()), Tags: r.Tags(), Summary: summary(r.ID()),
		Message: strings.Clone(m.Message()), // of one macro it is the value itself, whose memory serves others
		Score:   score.points, Paranoia: score.paranoia,
	}
	out.Targets, out.Deciding = matchedTargets(r.Raw(), m.MatchedDatas())
	for i := range min(len(out.Targets), mostAround) {
		out.Targets[i].Around = t.around(&out.Targets[i])
	}
	if s := r.Severity(); s != types.RuleSeverityUnset {
		out.Severity = s.String()
	}
	return out
}

// summary reports whether a rule is one of those with which CRS compares scores and writes them down.
// They match because others have.
func summary(id int) bool {
	const kind = 1000
	return slices.Contains([]int{949, 959, 980}, id/kind)
}

// matchedTargets names what matched. Of a chain Coraza reports everything that any link has matched, in the order
// of links, though the first one often takes all there is, and the last one looks at what the others have
// written down: 920450 notes the name of every field, and asks then which of the notes is on its list. So
// the match is followed back from the last link to the values that it hangs on, which come first, deciding many.
func matchedTargets(rule string, found []types.MatchData) (out []Target, deciding int) {
	found = slices.DeleteFunc(slices.Clone(found), func(d types.MatchData) bool {
		return d.Variable() == variables.Unknown // SecAction has no target
	})
	order := chain{found}.deciding()
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(strings.Compare(nameOf(found[a]), nameOf(found[b])), a-b) })
	order = slices.Compact(order)
	deciding = len(order)
	for i := range found {
		if !slices.Contains(order, i) {
			order = append(order, i)
		}
	}
	for _, i := range order {
		name := nameOf(found[i])
		if absent(found[i]) && strings.Contains(strings.ToLower(rule), "&"+strings.ToLower(name)) {
			name = "&" + name
		}
		out = append(out, Target{Name: keptName(name), Value: strings.Clone(found[i].Value())})
	}
	return out, deciding
}

// nameOf is the name by which rules and exclusions know a variable.
func nameOf(d types.MatchData) string {
	name := d.Variable().Name()
	if d.Variable() == variables.RequestXML {
		name = "XML" // they do not find keys of REQUEST_XML
	}
	if d.Key() != "" {
		name += ":" + d.Key()
	}
	return name
}

// keptName is the name of a target as it is written, where rules are compiled with another one: variables of
// collections.
func keptName(name string) string {
	at := strings.Index(name, "TX:"+kept.Prefix)
	if at < 0 {
		return strings.Clone(name)
	}
	k, variable, ok := kept.FromTX(name[at+len("TX:"):])
	if !ok {
		return strings.Clone(name)
	}
	return name[:at] + strings.ToUpper(k.String()) + ":" + variable
}

// chain is what the links of a rule have matched, in order. Its values go by their places in it.
type chain struct{ found []types.MatchData }

// deciding returns what the match hangs on: the values of the last link that looks at contents; if none
// does, those of the last one that looks at anything that is there. It may name one twice.
func (c chain) deciding() []int {
	if len(c.found) == 0 {
		return nil
	}
	last := c.found[len(c.found)-1].ChainLevel()
	for _, enough := range []func(types.MatchData) bool{content, present} {
		for level := last; level >= 0; level-- {
			var deciding []int
			for i, d := range c.found {
				if d.ChainLevel() == level {
					deciding = append(deciding, c.origins(i)...)
				}
			}
			if deciding = slices.DeleteFunc(deciding, func(i int) bool { return !enough(c.found[i]) }); len(deciding) > 0 {
				return deciding
			}
		}
	}
	return nil
}

// content is true for values that a rule can be about, and false for those that say in which requests it
// holds. Fields that describe a request rather than being what it brings are the former in the first link only.
func content(d types.MatchData) bool {
	switch d.Variable() {
	case variables.TX, variables.RequestMethod, variables.RequestProtocol, variables.RequestLine,
		variables.RequestBasename, variables.ResponseStatus, variables.RemoteAddr:
		return false
	case variables.RequestHeaders:
		if d.ChainLevel() == 0 {
			return true
		}
		switch strings.ToLower(d.Key()) {
		case "user-agent", "referer", "content-type":
			return false
		}
	}
	return d.ChainLevel() == 0 || !absent(d)
}

func present(d types.MatchData) bool { return !absent(d) && d.Variable() != variables.TX }

// absent is true for a count of nothing.
func absent(d types.MatchData) bool { return d.Value() == "0" }

// origins returns the values of the message that a value stands for: itself, or what earlier links have
// matched.
func (c chain) origins(i int) []int {
	d := c.found[i]
	level := d.ChainLevel()
	earlier := slices.IndexFunc(c.found, func(e types.MatchData) bool { return e.ChainLevel() == level })
	if earlier == 0 {
		return []int{i}
	}
	switch d.Variable() {
	case variables.MatchedVars, variables.MatchedVarsNames:
		return c.named(earlier, d)
	case variables.MatchedVar, variables.MatchedVarName:
		return c.origins(earlier - 1)
	case variables.TX:
		return c.origins(c.noted(earlier, d))
	}
	return []int{i}
}

// named returns those of the earlier ones that a copy among MATCHED_VARS is of, by name, and by value if
// there are such. A copy may be one of a copy.
func (c chain) named(earlier int, copied types.MatchData) []int {
	name := copied.Key()
	for again := true; again; {
		name, again = strings.CutPrefix(name, "MATCHED_VARS:")
	}
	var same, all []int
	for i, e := range c.found[:earlier] {
		if e.ChainLevel() == 0 && strings.EqualFold(plainName(e), name) {
			if all = append(all, i); e.Value() == copied.Value() {
				same = append(same, i)
			}
		}
	}
	switch {
	case len(same) > 0:
		return same
	case len(all) > 0:
		return all
	}
	return c.origins(earlier - 1)
}

// plainName is a variable's name as Coraza writes it down.
func plainName(d types.MatchData) string {
	if d.Key() == "" {
		return d.Variable().Name()
	}
	return d.Variable().Name() + ":" + d.Key()
}

// noted returns which value a note in TX was made of: the one whose name, or whose value, stands at the end
// of the note's name, or else the last one in which the note's text is found.
func (c chain) noted(earlier int, note types.MatchData) int {
	key, text := strings.ToLower(note.Key()), strings.ToLower(strings.Trim(note.Value(), "/|."))
	best, fit := earlier-1, 0
	for i, e := range c.found[:earlier] {
		value := strings.ToLower(e.Value())
		switch {
		case strings.HasSuffix(key, "_"+strings.ToLower(plainName(e))):
			best, fit = i, 3
		case fit <= 2 && value != "" && strings.HasSuffix(key, "_"+value):
			best, fit = i, 2
		case fit <= 1 && text != "" && strings.Contains(value, text):
			best, fit = i, 1
		}
	}
	return best
}
