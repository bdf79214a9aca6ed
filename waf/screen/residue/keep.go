package residue

import (
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/waf/kept"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// What rules keep from one request to the next is nothing that a policy's text decides, and no match of a
// rule that only counts is one that has to go to Coraza. So a screen carries such actions out itself, on the
// same view of the collections, if what it would do is exactly what Coraza would: each request is counted,
// also one whose values are all clean. Where that is not sure, a match is an effect, and Coraza counts.

// Keep is an action of a link that is about a collection.
type Keep struct {
	Act  *kept.Act
	Text Macro // its text, where what is not there is nothing
	// Sets is how many of the link's assignments stand before it.
	Sets int
}

// keeping compiles an action that is about a collection. It reports false if what it does depends on more
// than is understood.
func keeping(l *Link, a seclang.Action) (Keep, bool) {
	act, err := kept.ParseAct(a.Name, a.Arg)
	if err != nil {
		return Keep{}, false
	}
	k := Keep{Act: &act, Text: ParseMacro(act.Text), Sets: len(l.Sets)}
	ok := k.Text.Understood() && leftBy([]Link{*l}, k.Text) && !(l.Always && readsMatched(k.Text))
	return k, ok
}

// orderless reports whether it makes no difference in which order, for which of several values first, the
// link's collections are changed: neither what is asked nor what is done depends on what was done before.
func (l *Link) orderless() bool {
	return l.Operator.Constant && !slices.ContainsFunc(l.Targets, func(t Target) bool { return t.Source != FromRequest }) && !slices.ContainsFunc(l.Keeps, func(k Keep) bool { _, constant := k.Text.Constant(); return !constant })
}

// single reports whether a link matches once at most.
func (l *Link) single() bool {
	if l.MultiMatch || len(l.Targets) != 1 {
		return false
	}
	switch t := &l.Targets[0]; t.Source {
	case FromRequest:
		return t.Count || len(t.Kinds) == 1 && t.Kinds[0].Single()
	case FromTX:
		return t.Count || t.KeyRx == nil
	case FromAction, FromKept, FromCaptures, FromMatched, FromMatchedName:
		return true
	}
	return false
}

// inOrder reports whether the values that a link looks at come in the same order everywhere: those of one name.
func (l *Link) inOrder() bool {
	if l.MultiMatch || len(l.Targets) != 1 {
		return false
	}
	t := &l.Targets[0]
	return t.Source == FromRequest && !t.Count && t.Key != "" && len(t.Kinds) == 1 && len(t.Exceptions) == 0
}

// guesses reports whether a screen may do something else than Coraza with what a match of a link sets for
// others, or keeps, since it does not know whether and how often the link matches. before are those in front of it.
func (f *folder) guesses(r *seclang.Rule, i int, l *Link, before []Link) bool {
	if l.Opaque() {
		return len(l.Keeps) > 0 || len(l.Sets) > 0 && !f.setsOwn(r, &r.Links[i])
	}
	if len(l.Keeps) == 0 {
		return false
	}
	return !l.single() && !l.orderless() && !l.inOrder() || slices.ContainsFunc(before, func(b Link) bool { return b.Opaque() || !b.single() })
}

// keeps reports whether a rule changes collections.
func (r *Rule) keeps() bool {
	return slices.ContainsFunc(r.Links, func(l Link) bool { return len(l.Keeps) > 0 })
}

// readsKept reports whether a rule looks at variables of collections, or has text with them.
func readsKept(r *seclang.Rule) bool {
	found := false
	for i := range r.Links {
		l := &r.Links[i]
		for _, t := range l.Targets {
			found = found || t.Variable == "TX" && strings.HasPrefix(t.Key, kept.Prefix)
		}
		note := func(key string) { found = found || strings.HasPrefix(key, kept.Prefix) }
		ParseMacro(l.Operator.Arg).reads(note)
		for _, a := range l.Actions {
			ParseMacro(a.Arg).reads(note)
		}
	}
	return found
}

// keepsOf reports whether a rule, as it is written, changes collections.
func keepsOf(r *seclang.Rule) bool {
	return slices.ContainsFunc(r.Links, func(l seclang.Link) bool {
		return slices.ContainsFunc(l.Actions, func(a seclang.Action) bool { return kept.IsAct(a.Name) })
	})
}

// namesKept are the names in TX of the variables of collections that a program's rules mention.
func namesKept(p *seclang.Program) (names []string) {
	for _, r := range p.Rules {
		for i := range r.Links {
			for _, t := range r.Links[i].Targets {
				if t.Variable == "TX" && strings.HasPrefix(t.Key, kept.Prefix) {
					names = append(names, t.Key)
				}
			}
			for _, a := range r.Links[i].Actions {
				if !kept.IsAct(a.Name) {
					continue
				}
				if act, err := kept.ParseAct(a.Name, a.Arg); err == nil && act.Do != kept.Begin {
					names = append(names, kept.InTX(act.Kind, act.Name))
				}
			}
		}
	}
	return names
}
