package main

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/exclude"
	"github.com/wafer-waf/wafer/proxy"
	"github.com/wafer-waf/wafer/waf"
)

// trial asks what would become of a request under another policy.
type trial struct {
	proxy  *proxy.Proxy
	raw    []byte
	client netip.AddrPort
}

// applied is an exclusion that has taken effect on a request.
type applied struct {
	Source string `json:"source"` // key path in the route file
	What   string `json:"what"`
	Reason string `json:"reason"`
	Rules  []int  `json:"rules"` // that would have found something without the exclusions of the policy
}

// applied tells which exclusions have taken effect: those that are about rules which find something only
// without them.
func (t *trial) applied(e *proxy.Explanation) []applied {
	if e.Policy == nil || len(e.Policy.Exclusions) == 0 || e.Screened == "" {
		return []applied{}
	}
	bare, err := t.proxy.ExplainUnder(e.Policy.ID, func(p *config.Policy) { p.Exclusions = nil }, t.raw, t.client)
	if err != nil {
		return []applied{}
	}
	out := []applied{}
	for _, x := range e.Policy.Exclusions {
		one := applied{Source: x.Source, What: exclusionText(x), Reason: x.Reason}
		for i := range bare.Findings.Matches {
			m := &bare.Findings.Matches[i]
			if covers(&x, m, exclude.Decoded(e.Path)) && !found(&e.Findings, &x, m) && !slices.Contains(one.Rules, m.RuleID) {
				one.Rules = append(one.Rules, m.RuleID)
			}
		}
		if len(one.Rules) > 0 {
			out = append(out, one)
		}
	}
	return out
}

// covers reports whether an exclusion is about what a rule has matched in a request for path.
func covers(x *config.Exclusion, m *waf.Match, path string) bool {
	below := strings.TrimSuffix(x.Path, "/")
	if x.Path != "" && path != below && !strings.HasPrefix(path, below+"/") {
		return false
	}
	from, to, ranged := strings.Cut(x.Rules, "-")
	low, _ := strconv.Atoi(from)
	high, _ := strconv.Atoi(to)
	switch {
	case x.Rule != 0 && x.Rule != m.RuleID, x.Tag != "" && !slices.Contains(m.Tags, x.Tag):
		return false
	case x.Rules != "" && (!ranged && low != m.RuleID || ranged && (m.RuleID < low || m.RuleID > high)):
		return false
	}
	return x.Target == "" || slices.ContainsFunc(m.Targets, func(t waf.Target) bool { return means(x.Target, t.Name) })
}

// means reports whether the target of an exclusion stands for what has matched.
func means(target, name string) bool {
	collection, key, keyed := strings.Cut(target, ":")
	of, actual, _ := strings.Cut(name, ":")
	if !strings.EqualFold(collection, of) {
		return false
	}
	if !keyed || strings.EqualFold(key, actual) {
		return true
	}
	if len(key) > 2 && key[0] == '/' && key[len(key)-1] == '/' {
		rx, err := regexp.Compile(key[1 : len(key)-1])
		return err == nil && rx.MatchString(strings.ToLower(actual))
	}
	return strings.HasPrefix(strings.ToLower(actual), strings.ToLower(key)+".") // what is in it, if it is JSON
}

// found reports whether the rule has still found in what the exclusion is about what it would without.
func found(f *waf.Findings, x *config.Exclusion, without *waf.Match) bool {
	return slices.ContainsFunc(f.Matches, func(m waf.Match) bool {
		return m.RuleID == without.RuleID && (x.Target == "" || slices.ContainsFunc(m.Targets, func(t waf.Target) bool { return means(x.Target, t.Name) }))
	})
}

// exclusionText is an exclusion in a few words.
func exclusionText(x config.Exclusion) string {
	text := x.Rules + x.Tag
	if x.Rule != 0 {
		text = strconv.Itoa(x.Rule)
	}
	if x.Target != "" {
		text += " " + x.Target
	}
	if x.Path != "" {
		text += " below " + x.Path
	}
	return text
}

// suggestion is what would let a request pass that rules block.
type suggestion struct {
	Policy     string `json:"policy"`
	Exclusions string `json:"exclusions,omitempty"` // YAML, for the policy; empty: there are none to suggest
	Passes     bool   `json:"passes"`               // the request passes with them, as was tried
	Rules      int    `json:"rules"`                // that they are about
	Note       string `json:"note,omitempty"`
}

const (
	suggestionRounds = 4  // each shows what rules find in the next target
	mostExclusions   = 12 // who needs more is looking at an attack
	manyRules        = 4  // that agree, so that it is hardly a mistake
)

// suggest returns exclusions that let a blocked request pass, tried out; nil if it is not rules that stop it.
func (t *trial) suggest(e *proxy.Explanation) *suggestion {
	if e.Verdict != "block" && e.Verdict != "would_block" || e.Failure != "" {
		return nil
	}
	s := &suggestion{Policy: e.Policy.ID}
	switch id := e.Findings.Verdict.RuleID; {
	case id >= 200002 && id <= 200005:
		s.Note = "this is about the form of the body, see \"A body that cannot be read\" in docs/operations.md"
		return s
	case id/1000 != 949 && id/1000 != 959:
		s.Note = fmt.Sprintf("rule %d decides by itself: if it is one of the policy's own rules, change it there", id)
		return s
	}
	var tried []config.Exclusion
	now := e
	for range suggestionRounds {
		more := exclusionsFor(now, tried)
		if len(more) == 0 {
			break
		}
		if tried = append(tried, more...); len(tried) > mostExclusions {
			s.Note = fmt.Sprintf("more than %d exclusions would be needed: this looks like an attack", mostExclusions)
			return s
		}
		var err error
		if now, err = t.proxy.ExplainUnder(e.Policy.ID, func(p *config.Policy) { p.Exclusions = slices.Concat(p.Exclusions, tried) }, t.raw, t.client); err != nil {
			s.Note = "the exclusions that it takes would leave nothing that protects: " + audit.Shown(err.Error(), shownText)
			return s
		}
		if s.Passes = now.Verdict == "pass"; s.Passes {
			break
		}
	}
	if !s.Passes {
		s.Note = "no exclusion of single targets lets it pass"
		return s
	}
	rules := map[int]bool{}
	for _, x := range tried {
		rules[x.Rule] = true
	}
	if s.Rules = len(rules); s.Rules >= manyRules {
		s.Note = fmt.Sprintf("%d rules agree on this request, so it looks like an attack", s.Rules)
	}
	s.Exclusions = exclusionsYAML(tried)
	return s
}

// exclusionsFor are exclusions for what counts towards the score and is not excluded yet: as narrow as there
// are, by rule, target and path.
func exclusionsFor(e *proxy.Explanation, have []config.Exclusion) []config.Exclusion {
	path := exclude.Below(exclude.Decoded(e.Path))
	var out []config.Exclusion
	add := func(rule int, target string) {
		x := config.Exclusion{Rule: rule, Target: target, Path: path, Source: "the suggestion"}
		if !slices.Contains(have, x) && !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	for i := range e.Findings.Matches {
		m := &e.Findings.Matches[i]
		if m.Summary || m.Score == 0 || m.Paranoia > e.Policy.Paranoia.Blocking {
			continue
		}
		deciding := m.Targets[:m.Deciding]
		whole := len(deciding) == 0 || len(deciding) > maxTargets
		for _, t := range deciding {
			whole = whole || !exclude.Nameable(t.Name)
		}
		if whole {
			add(m.RuleID, "")
			continue
		}
		for _, t := range deciding {
			add(m.RuleID, t.Name)
		}
	}
	return out
}

// exclusionsYAML writes exclusions as a policy has them.
func exclusionsYAML(exclusions []config.Exclusion) string {
	var all []exclude.One
	for _, x := range exclusions {
		all = append(all, exclude.One{Rule: x.Rule, Target: x.Target, Path: x.Path})
	}
	return exclude.YAML(all)
}
