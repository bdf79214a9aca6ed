package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/exclude"
	"github.com/wafer-waf/wafer/proxy"
	"github.com/wafer-waf/wafer/waf"
)

// change is one request, and what two route files make of it. Its text is masked and safe to show.
type change struct {
	File    string   `json:"file"`
	Line    int      `json:"line,omitempty"`
	N       int      `json:"n"`
	Name    string   `json:"name,omitempty"`
	Request string   `json:"request"`
	Verdict bool     `json:"verdict_changes"` // or the status or the error that comes with it
	Other   bool     `json:"other_changes"`   // route, score or rules
	Old     judged   `json:"old"`
	New     judged   `json:"new"`
	Why     []string `json:"why"`
	Lost    []string `json:"lost,omitempty"` // what of the request the file does not have
}

// newChange compares what two tiers make of a request; nil: it was not tried.
func newChange(one *tried) *change {
	r := one.request
	if r.Untried != "" {
		return nil
	}
	older, newer := one.answers[0], one.answers[1]
	c := &change{
		File: audit.Shown(r.File, longestLine), Line: r.Line, N: r.N, Name: audit.Shown(r.Name, shownName), Request: shownRequest(r, older),
		Old: newJudged(older), New: newJudged(newer), Lost: shownAll(r.Lost, shownText), Why: []string{},
	}
	a, b := &c.Old, &c.New
	c.Verdict = a.Verdict != b.Verdict || a.Status != b.Status || a.Error != b.Error
	c.Other = a.Route != b.Route || a.Score != b.Score || !slices.EqualFunc(a.Rules, b.Rules, func(x, y foundRule) bool { return x.ID == y.ID })
	if c.Verdict || c.Other {
		c.Why = whyChanged(older, newer, a, b)
	}
	return c
}

// whyChanged says what of two answers is different that decides.
func whyChanged(older, newer *proxy.Explanation, a, b *judged) (why []string) {
	differ := func(what, was, is string) {
		if was != is {
			why = append(why, fmt.Sprintf("%s: %s → %s", what, cmp.Or(was, "none"), cmp.Or(is, "none")))
		}
	}
	differ("route", a.Route, b.Route)
	differ("policy", a.Policy, b.Policy)
	differ("mode", a.Mode, b.Mode)
	differ("error", a.Error, b.Error)
	differ("access rule", a.AccessRule, b.AccessRule)
	if older.Policy != nil && newer.Policy != nil {
		differ("threshold", fmt.Sprint(a.Threshold), fmt.Sprint(b.Threshold))
		differ("paranoia level", fmt.Sprint(older.Policy.Paranoia.Blocking), fmt.Sprint(newer.Policy.Paranoia.Blocking))
	}
	differ("score", fmt.Sprint(a.Score), fmt.Sprint(b.Score))
	if a.RuleID != b.RuleID && (decidesAlone(a.RuleID) || decidesAlone(b.RuleID)) {
		differ("decided by rule", decider(a.RuleID), decider(b.RuleID))
	}
	for _, m := range onlyIn(older, newer) {
		why = append(why, fmt.Sprintf("rule %d does not find %s any more: %s", m.RuleID, foundIn(older, m), whyNot(newer, m)))
	}
	for _, m := range onlyIn(newer, older) {
		why = append(why, fmt.Sprintf("rule %d finds %s: before, %s", m.RuleID, foundIn(newer, m), whyNot(older, m)))
	}
	differ("coverage", coverageOf(a), coverageOf(b))
	return why
}

// decidesAlone reports whether a rule is none of those that add up what others have found.
func decidesAlone(rule int) bool { return rule != 0 && rule/1000 != 949 && rule/1000 != 959 }

func decider(rule int) string {
	if rule == 0 {
		return ""
	}
	return fmt.Sprint(rule)
}

func coverageOf(j *judged) string {
	if j.CoverageReason == "" {
		return j.Coverage
	}
	return j.Coverage + " (" + j.CoverageReason + ")"
}

// onlyIn are the matches of rules that find nothing for the other one.
func onlyIn(one, other *proxy.Explanation) (only []*waf.Match) {
	told := map[int]bool{}
	for i := range one.Findings.Matches {
		m := &one.Findings.Matches[i]
		same := func(n waf.Match) bool { return n.RuleID == m.RuleID }
		if m.Summary || told[m.RuleID] || slices.ContainsFunc(other.Findings.Matches, same) {
			continue
		}
		told[m.RuleID] = true
		only = append(only, m)
	}
	return only
}

func foundIn(e *proxy.Explanation, m *waf.Match) string {
	text := "a match"
	if len(m.Targets) > 0 {
		text = shownTarget(e.Masking, m.Targets[0].Name)
	}
	if m.Score > 0 {
		text += fmt.Sprintf(" (+%d)", m.Score)
	}
	return text
}

// whyNot says why a rule does not find under a policy what it finds under another one.
func whyNot(e *proxy.Explanation, m *waf.Match) string {
	p := e.Policy
	switch {
	case p == nil:
		return "no policy is asked"
	case p.Mode == config.ModeOff:
		return "the policy has mode: off"
	case e.Verdict == "refused":
		return "the request is refused (" + e.Failure + ")"
	}
	for i := range p.Exclusions {
		if x := &p.Exclusions[i]; covers(x, m, exclude.Decoded(e.Path)) {
			return fmt.Sprintf("excluded by %s: %s (%s)", x.Source, audit.Shown(exclusionText(*x), shownText), audit.Shown(x.Reason, shownText))
		}
	}
	switch {
	case m.Paranoia > max(p.Paranoia.Blocking, p.Paranoia.Detection):
		return fmt.Sprintf("it is of paranoia level %d, and the policy has %d", m.Paranoia, max(p.Paranoia.Blocking, p.Paranoia.Detection))
	case e.Coverage != "full":
		return "not everything is inspected (" + cmp.Or(e.CoverageReason, e.Coverage) + ")"
	case decidesAlone(e.Findings.Verdict.RuleID):
		return fmt.Sprintf("rule %d decides before it", e.Findings.Verdict.RuleID)
	}
	return "the policy does not have it, or it finds nothing"
}

// diffSummary is what all changes add up to.
type diffSummary struct {
	Requests   int          `json:"requests"`
	Untried    int          `json:"untried"`
	Unreadable int          `json:"unreadable"`
	Changed    int          `json:"changed"`  // in verdict, status or error
	Rerouted   int          `json:"rerouted"` // among those that change and others
	Other      int          `json:"other"`    // that keep their verdict, and change otherwise
	Lost       int          `json:"lost"`     // of which something is missing
	Kinds      []changeKind `json:"kinds"`
	Rules      []ruleChange `json:"rules"` // that find something in other requests than before

	kinds map[[2]string]int
	rules map[int]*ruleChange
}

// changeKind is how many requests change from one verdict to another.
type changeKind struct {
	Old      string `json:"old"`
	New      string `json:"new"`
	Requests int    `json:"requests"`
}

// ruleChange is a rule, and in how many of the changed requests it finds something.
type ruleChange struct {
	ID      int    `json:"id"`
	Message string `json:"message,omitempty"`
	Old     int    `json:"old"`
	New     int    `json:"new"`
}

func newDiffSummary() *diffSummary {
	return &diffSummary{kinds: map[[2]string]int{}, rules: map[int]*ruleChange{}}
}

func (s *diffSummary) add(c *change) {
	s.Requests++
	if c == nil {
		s.Untried++
		return
	}
	if len(c.Lost) > 0 {
		s.Lost++
	}
	if c.Old.Route != c.New.Route {
		s.Rerouted++
	}
	switch {
	case c.Verdict:
		s.Changed++
		s.kinds[[2]string{c.Old.kind(), c.New.kind()}]++
	case c.Other:
		s.Other++
	default:
		return
	}
	count := func(rules []foundRule, into func(*ruleChange) *int) {
		for i, f := range rules {
			if slices.ContainsFunc(rules[:i], func(other foundRule) bool { return other.ID == f.ID }) {
				continue
			}
			if s.rules[f.ID] == nil {
				s.rules[f.ID] = &ruleChange{ID: f.ID, Message: f.Message}
			}
			*into(s.rules[f.ID])++
		}
	}
	count(c.Old.Rules, func(r *ruleChange) *int { return &r.Old })
	count(c.New.Rules, func(r *ruleChange) *int { return &r.New })
}

// kind is a verdict with its status and error, by which changes are counted.
func (j *judged) kind() string {
	text := j.Verdict
	if j.Status != 0 {
		text += fmt.Sprintf(" %d", j.Status)
	}
	if j.Error != "" {
		text += " " + j.Error
	}
	return text
}

// sorted brings kinds and rules in order, and leaves out rules that find as much as before.
func (s *diffSummary) sorted() {
	s.Kinds, s.Rules = []changeKind{}, []ruleChange{}
	for k, n := range s.kinds {
		s.Kinds = append(s.Kinds, changeKind{k[0], k[1], n})
	}
	slices.SortFunc(s.Kinds, func(a, b changeKind) int {
		return cmp.Or(b.Requests-a.Requests, cmp.Compare(a.Old, b.Old), cmp.Compare(a.New, b.New))
	})
	for _, r := range s.rules {
		if r.Old != r.New {
			s.Rules = append(s.Rules, *r)
		}
	}
	difference := func(r ruleChange) int { return max(r.Old-r.New, r.New-r.Old) }
	slices.SortFunc(s.Rules, func(a, b ruleChange) int { return cmp.Or(difference(b)-difference(a), a.ID-b.ID) })
}
