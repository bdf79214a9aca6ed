package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/admin/view"
	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/mask"
	"github.com/wafer-waf/wafer/proxy"
	"github.com/wafer-waf/wafer/waf"
)

// errStopped ends explain for a request that does not reach the application.
var errStopped = errors.New("the request does not reach the application")

// Bounds of what is shown of one thing, in bytes.
const (
	shownName  = 256
	shownValue = 200
	shownText  = 300
)

// report is what explain answers: what an event tells, what becomes of a request, or both.
type report struct {
	Event   *event  `json:"event,omitempty"`
	Request *answer `json:"request,omitempty"`
}

// answer is what the tier does with a request, and why. Text of the request in it is masked and safe to
// show.
type answer struct {
	Method         string        `json:"method"`
	Host           string        `json:"host"`
	Path           string        `json:"path"`
	Route          string        `json:"route,omitempty"`
	RouteWhy       string        `json:"route_why,omitempty"`
	Access         *accessAnswer `json:"access,omitempty"` // nil: there is no access policy
	Policy         string        `json:"policy,omitempty"`
	Mode           string        `json:"mode,omitempty"`
	Paranoia       int           `json:"paranoia,omitempty"`
	Verdict        string        `json:"verdict"`
	Status         int           `json:"status,omitempty"` // 0: the upstream's
	Why            string        `json:"why"`
	RuleID         int           `json:"rule_id,omitempty"`
	Score          *eventScore   `json:"score,omitempty"`
	Rules          []matchedRule `json:"rules"`
	RulesUntold    int           `json:"rules_untold,omitempty"`
	Exclusions     []applied     `json:"exclusions"`
	Coverage       string        `json:"coverage"`
	CoverageReason string        `json:"coverage_reason,omitempty"`
	Screen         string        `json:"screen"`
	Upstreams      []choice      `json:"upstreams,omitempty"`   // of which one is asked
	Collections    string        `json:"collections,omitempty"` // what rules know of earlier requests
	Suggestion     *suggestion   `json:"suggestion,omitempty"`

	Routes       []routeWhy    `json:"routes,omitempty"`        // verbose
	RoutesUntold int           `json:"routes_untold,omitempty"` // likewise
	Settings     []policyValue `json:"settings,omitempty"`      // likewise
}

// matchedRule is a rule that has found something.
type matchedRule struct {
	ID       int             `json:"id"`
	Message  string          `json:"message"`
	Severity string          `json:"severity,omitempty"`
	Score    int             `json:"score"`
	Paranoia int             `json:"paranoia,omitempty"`
	Counts   bool            `json:"counts"` // its score, towards the threshold
	Targets  []matchedTarget `json:"targets"`
	Others   []matchedTarget `json:"others,omitempty"` // verbose: what else of a chain has matched
}

type matchedTarget struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// choice is an upstream, and how one of its endpoints is chosen.
type choice struct {
	ID       string `json:"id"`
	Endpoint string `json:"endpoint"`
}

type routeWhy struct {
	ID  string `json:"id"`
	Why string `json:"why"`
}

type policyValue struct {
	Path   string `json:"path"`
	Value  string `json:"value"`
	Source string `json:"source"`
}

// maxRoutes and maxTargets bound lists that a file or a request could make long.
const (
	maxRoutes  = 20
	maxTargets = 5
)

func newAnswer(e *proxy.Explanation) *answer {
	a := &answer{
		Method: audit.Shown(e.Method, shownName), Host: audit.Shown(e.Host, shownName), Path: shownPath(e.Masking, e.Path),
		Route: e.Route, Verdict: e.Verdict, Status: e.Status, Why: why(e), RuleID: e.Findings.Verdict.RuleID,
		Access: newAccessAnswer(e.Access), Rules: []matchedRule{}, Exclusions: []applied{},
		Coverage: e.Coverage, CoverageReason: e.CoverageReason, Screen: screenText(e),
	}
	if e.Remembers {
		a.Collections = "empty: what rules keep of earlier requests is known to a running tier alone"
	}
	for _, d := range e.Routes {
		switch {
		case d.Selected:
			a.RouteWhy = audit.Shown(d.Why, shownText)
		case len(a.Routes) < maxRoutes:
			a.Routes = append(a.Routes, routeWhy{d.ID, audit.Shown(d.Why, shownText)})
		default:
			a.RoutesUntold++
		}
	}
	for _, c := range e.Choices {
		a.Upstreams = append(a.Upstreams, choice{c.Upstream, c.How})
	}
	if p := e.Policy; p != nil {
		a.Policy, a.Mode, a.Paranoia = p.ID, string(p.Mode), p.Paranoia.Blocking
		a.Score = &eventScore{e.Findings.InboundScore, p.Thresholds.Inbound, e.Findings.OutboundScore, p.Thresholds.Outbound}
		for _, v := range p.Values() {
			a.Settings = append(a.Settings, policyValue{v.Path, shorten(valueText(v.Value), 80), v.Source})
		}
	}
	for i := range e.Findings.Matches {
		if m := &e.Findings.Matches[i]; !m.Summary {
			a.Rules = append(a.Rules, newMatchedRule(e.Masking, m, m.Paranoia <= e.Policy.Paranoia.Blocking))
		}
	}
	return a
}

func newMatchedRule(secrets *mask.Policy, m *waf.Match, counts bool) matchedRule {
	r := matchedRule{
		ID: m.RuleID, Message: shownMessage(secrets, m), Severity: m.Severity,
		Score: m.Score, Paranoia: m.Paranoia, Counts: counts && m.Score > 0, Targets: []matchedTarget{},
	}
	for i, t := range m.Targets {
		shown := matchedTarget{shownTarget(secrets, t.Name), audit.Shown(secrets.Found(t.Name, t.Value, t.Around), shownValue)}
		if i < m.Deciding {
			r.Targets = append(r.Targets, shown)
		} else {
			r.Others = append(r.Others, shown)
		}
	}
	return r
}

// shownMessage is a rule's message without what is secret by the name of its target, or by its form.
func shownMessage(secrets *mask.Policy, m *waf.Match) string {
	text := m.Message
	if len(m.Targets) > 0 {
		t := &m.Targets[0]
		text = secrets.Message(t.Name, t.Value, t.Around, text)
	}
	return audit.Shown(secrets.Text(text), shownText)
}

// shownTarget masks what a client has put into a name.
func shownTarget(secrets *mask.Policy, name string) string {
	collection, key, found := strings.Cut(name, ":")
	if !found {
		return audit.Shown(name, shownName)
	}
	return audit.Shown(collection+":"+secrets.Text(key), shownName)
}

func shownPath(secrets *mask.Policy, path string) string {
	return audit.Shown(secrets.Path(path, 4*shownName), 4*shownName)
}

// brief takes out what only -v tells.
func (r *report) brief() {
	a := r.Request
	if a == nil {
		return
	}
	a.Settings = nil
	a.Access.brief()
	if a.Route != "" {
		a.Routes, a.RoutesUntold = nil, 0
	} else if n := len(a.Routes) - shortLists; n > 0 { // why there is none
		a.Routes, a.RoutesUntold = a.Routes[:shortLists], a.RoutesUntold+n
	}
	if n := len(a.Rules) - briefRules; n > 0 {
		a.Rules, a.RulesUntold = a.Rules[:briefRules], n
	}
	for i := range a.Rules {
		a.Rules[i].Others = nil
	}
	if s := a.Suggestion; s != nil && s.Rules >= manyRules {
		s.Exclusions = ""
		s.Note += "; -v tells the exclusions that would let it pass"
	}
}

// briefRules is how many rules are told without -v, and shortLists how many of another list.
const (
	briefRules = 6
	shortLists = 3
)

// stopped reports whether the request has not reached, or does not reach, the application. What becomes of
// it now counts, where both are known.
func (r *report) stopped() bool {
	verdict := ""
	switch {
	case r.Request != nil:
		verdict = r.Request.Verdict
	case r.Event != nil:
		verdict = r.Event.Verdict
	}
	return !slices.Contains([]string{"pass", "would_block", "error_allow"}, verdict)
}

// why says in a sentence what a verdict rests on.
func why(e *proxy.Explanation) string {
	f := &e.Findings
	switch e.Verdict {
	case "pass":
		return whyPassed(e)
	case "block", "would_block", "redirect", "drop":
		if e.Failure != "" {
			return view.Failure(e.Failure, "")
		}
		p := e.Policy
		switch sums := f.Verdict.RuleID / 1000; sums {
		case 949:
			return fmt.Sprintf("the rules below add up to a score of %d, and policy %s blocks from %d on", f.InboundScore, p.ID, p.Thresholds.Inbound)
		case 959:
			return fmt.Sprintf("the rules below add up to a score of %d, and policy %s blocks responses from %d on", f.OutboundScore, p.ID, p.Thresholds.Outbound)
		}
		return fmt.Sprintf("rule %d decides by itself, whatever the score", f.Verdict.RuleID)
	}
	return view.Failure(e.Failure, "")
}

func whyPassed(e *proxy.Explanation) string {
	p := e.Policy
	switch {
	case e.Status >= 300 && e.Status < 400:
		return "the route itself answers with a redirect"
	case p == nil || e.CoverageReason == "policy_off":
		return "the policy has mode: off, nothing is inspected"
	case e.Findings.InboundScore > 0:
		return fmt.Sprintf("a score of %d is below %d, from which policy %s blocks", e.Findings.InboundScore, p.Thresholds.Inbound, p.ID)
	case len(e.Findings.Matches) > 0:
		return "what rules have found does not count towards a block"
	}
	return "no rule has found anything"
}

// screenText says whether the rules were asked, and why.
func screenText(e *proxy.Explanation) string {
	a := &e.Asked
	switch {
	case e.CoverageReason == "budget" && e.Screened == "":
		return "none: the budget was spent before it had an answer"
	case e.Screened == "":
		return "none: nothing is inspected"
	case e.Screened == "off":
		return "off: " + audit.Shown(e.NoScreen, shownText)
	case e.Verdict == "refused":
		return "none: the request was refused before"
	case e.Screened == "clean":
		return "proved clean, the rules were not asked"
	case a.What != "":
		return "asked the rules: " + audit.Shown(a.What, shownText)
	case a.Target == "":
		return fmt.Sprintf("asked the rules: %d may match", a.Rule)
	}
	return fmt.Sprintf("asked the rules: %d may match %s = %s", a.Rule, shownTarget(e.Masking, a.Target), audit.Shown(e.Masking.Value(a.Target, a.Value), 80))
}
