package api

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/admin/view"
	"github.com/wafer-waf/wafer/exclude"
	"github.com/wafer-waf/wafer/recent"
)

// Bounds of an exclusion, as those of wafer explain.
const (
	mostExclusions = 12
	manyRules      = 4 // that agree, so that it is hardly a mistake
	mostExamples   = 5
)

// exclusion is what would let a request pass that rules have blocked by score; nil: they have not.
func (q *question) exclusion(ctx context.Context, e *told) *view.Exclusion {
	if e.Event != "security" || e.Verdict != "block" && e.Verdict != "would_block" || e.Score == nil {
		return nil
	}
	out := &view.Exclusion{Policy: e.Policy}
	if sum := e.RuleID / 1000; sum != 949 && sum != 959 {
		out.Note = fmt.Sprintf("rule %d decides by itself: if it is one of the policy's own rules, change it there", e.RuleID)
		return out
	}
	path := exclude.Told(e.Path)
	var all []exclude.One
	rules := map[int]bool{}
	for i := range e.Rules {
		r := &e.Rules[i]
		if severityScore(r.Severity) == 0 {
			continue
		}
		x := exclude.One{Rule: r.ID, Path: path}
		if exclude.Nameable(r.Target) {
			x.Target = r.Target
		}
		all = exclude.Add(all, x)
		rules[r.ID] = true
	}
	switch out.Rules = len(rules); {
	case len(all) == 0:
		out.Note = "the event tells no rule that adds to the score"
		return out
	case len(all) > mostExclusions:
		out.Note = fmt.Sprintf("more than %d exclusions would be needed: this looks like an attack", mostExclusions)
		return out
	case out.Rules >= manyRules:
		out.Note = fmt.Sprintf("%d rules agree on this request, so it looks like an attack", out.Rules)
	}
	out.YAML = exclude.YAML(all)
	out.Passes, out.Unsure = passes(e, all)
	for _, x := range all {
		out.Opens = append(out.Opens, view.Opening{Rule: x.Rule, Target: x.Target, Path: x.Path, Opens: opens(x, e)})
	}
	q.others(ctx, e, all, out)
	return out
}

// passes reports whether a request's score stays below the threshold with exclusions, as far as its event tells. That is
// unsure if the score holds more than the rules told add to it once: a rule adds to it with each value that it matches, and
// the event tells the first.
func passes(e *told, all []exclude.One) (passes, unsure bool) {
	score, threshold := e.Score.Inbound, e.Score.InboundThreshold
	if e.RuleID/1000 == 959 {
		score, threshold = e.Score.Outbound, e.Score.OutboundThreshold
	}
	path := exclude.Decoded(e.Path)
	left := 0
	for i := range e.Rules {
		r := &e.Rules[i]
		covered := slices.ContainsFunc(all, func(x exclude.One) bool { return x.Covers(r.ID, r.Target, path) })
		if covered {
			score -= severityScore(r.Severity)
		} else {
			left += severityScore(r.Severity)
		}
	}
	passes = e.Dropped == 0 && min(left, score) < threshold
	return passes, passes && score >= threshold
}

// opens says in a sentence what an exclusion lets through.
func opens(x exclude.One, e *told) string {
	name := fmt.Sprintf("rule %d", x.Rule)
	for i := range e.Rules {
		if r := &e.Rules[i]; r.ID == x.Rule && r.Message != "" {
			name += " (" + r.Message + ")"
			break
		}
	}
	at, below := "anything", "in every request of the policy"
	if x.Target != "" {
		at = x.Target
	}
	if x.Path != "" && x.Path != "/" {
		below = "in requests to " + x.Path + " and below"
	}
	return strings.TrimSpace(fmt.Sprintf("%s no longer looks at %s %s: whatever it would find there goes unseen by it, other rules still look", name, at, below))
}

// others counts requests that are kept, were blocked by the same policy, and would pass as well.
func (q *question) others(ctx context.Context, e *told, all []exclude.One, out *view.Exclusion) {
	f := &recent.Filter{Kinds: []string{"security"}, Policies: []string{e.Policy}, Verdicts: []string{"block", "would_block"}}
	page, err := q.api.Store.Find(ctx, f, "", pageMost, q.api.bounds.findWithin/4)
	if err != nil {
		return // others are asking: the rest of the answer is worth having
	}
	for _, entry := range page.Entries {
		var one told
		if json.Unmarshal(entry.Line, &one) != nil || one.Score == nil || one.RequestID == e.RequestID {
			continue
		}
		out.Looked++
		if sum := one.RuleID / 1000; sum != 949 && sum != 959 {
			continue
		}
		if would, _ := passes(&one, all); would {
			if out.Others++; len(out.Examples) < mostExamples {
				out.Examples = append(out.Examples, one.RequestID)
			}
		}
	}
}
