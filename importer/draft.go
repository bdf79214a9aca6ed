package importer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/config/file"
)

// Draft is a policy in the making. It remembers where each part of it comes from, so that a part that the tier
// refuses can be taken out and told about.
type Draft struct {
	Notes Notes
	Texts []Text // what it was made of
	CRS   bool   // the old firewall ran the Core Rule Set

	asWritten  []Directive
	said       bool        // whether it blocks is said somewhere
	policy     file.Policy // without the lists below
	exclusions []exclusion
	before     []*statement
	after      []*statement
	settings   []setting
}

// exclusion is one with the statement that asked for it.
type exclusion struct {
	file.Exclusion
	from *statement
}

// setting is a key of the policy that a statement has set, and how it is taken back.
type setting struct {
	key  string
	from *statement
	undo func()
}

// Policy is what the draft says.
func (d *Draft) Policy() file.Policy {
	p := d.policy
	p.Exclusions = nil
	for _, x := range d.exclusions {
		if !slices.Contains(p.Exclusions, x.Exclusion) {
			p.Exclusions = append(p.Exclusions, x.Exclusion)
		}
	}
	text := func(list []*statement) []file.Rules {
		var b strings.Builder
		for _, s := range list {
			b.WriteString(s.write() + "\n")
		}
		if b.Len() == 0 {
			return nil
		}
		return []file.Rules{{Inline: b.String()}}
	}
	p.RulesBefore, p.RulesAfter = text(d.before), text(d.after)
	return p
}

// set remembers who has set a key.
func (d *Draft) set(key string, from *statement, undo func()) {
	d.settings = append(d.settings, setting{key, from, undo})
}

// note tells of a statement.
func (d *Draft) note(level Level, s *statement, format string, args ...any) {
	d.Notes.add(Note{level, s.at, fmt.Sprintf(format, args...), s.n})
}

// lose leaves a statement out, and says why.
func (d *Draft) lose(s *statement, format string, args ...any) {
	if !s.lost {
		s.lost = true
		d.note(Decide, s, "%s is not carried: %s", s, fmt.Sprintf(format, args...))
	}
}

// withoutLost takes out the rules that are lost, and those that would mean something else without them: rules
// that one of them would have skipped, and rules that look at what one of them sets.
func (d *Draft) withoutLost() {
	for again := true; again; {
		again = false
		for _, list := range [][]*statement{d.before, d.after} {
			for i, s := range list {
				if s.lost && d.dependents(s, list[i+1:]) {
					again = true
				}
			}
		}
	}
	isLost := func(s *statement) bool { return s.lost }
	d.before, d.after = slices.DeleteFunc(d.before, isLost), slices.DeleteFunc(d.after, isLost)
}

// dependents loses what of the statements behind a lost one depends on it.
func (d *Draft) dependents(lost *statement, behind []*statement) (found bool) {
	lose := func(s *statement, why string) {
		if !s.lost && s.isRule() {
			d.lose(s, "%s, which is not carried either", why)
			found = true
		}
	}
	if marker := strings.Trim(lost.action("skipafter"), `'"`); marker != "" {
		end := slices.IndexFunc(behind, func(s *statement) bool { return s.name() == "secmarker" && strings.Trim(s.args(), `'"`) == marker })
		for _, s := range behind[:max(end, 0)] {
			lose(s, "it was skipped by the rule at "+lost.at)
		}
	}
	for _, name := range lost.setvars() {
		for _, s := range behind {
			if text := strings.ToLower(s.raw); strings.Contains(text, "tx:"+name) || strings.Contains(text, "tx."+name+"}") {
				lose(s, "it looks at TX:"+name+" of the rule at "+lost.at)
			}
		}
	}
	return found
}

// at finds the statement that a line of rules_before or rules_after belongs to.
func (d *Draft) at(list []*statement, line int) *statement {
	last := 0
	for _, s := range list {
		if last += strings.Count(s.write(), "\n") + 1; line <= last {
			return s
		}
	}
	return nil
}

// Directive is a directive of the old firewall, a rule with its chain, as it was written.
type Directive struct {
	At, Name, Text string
	Behind         bool // the Core Rule Set
	excludes       bool
}

// Excludes reports whether the directive lets requests through that others stop.
func (d *Directive) Excludes() bool { return d.excludes }

// AsWritten are the directives of the old firewall, included files and all, in their order.
func (d *Draft) AsWritten() []Directive { return d.asWritten }
