package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/admin/view"
	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/config"
)

// noMessage stands for the message of a rule that has none.
const noMessage = "(a rule without msg)"

// write prints the report.
func (r *report) write(w io.Writer, output string, verbose bool) error {
	if output == "json" {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	p := &teller{w: w, paint: paintFor(w)}
	if r.Event != nil {
		p.event(r.Event)
	}
	if r.Event != nil && r.Request != nil {
		p.line("")
		p.line("%s", p.paint(bold, "Now, as far as the event tells the request:"))
		if untold := r.Event.Untold; len(untold) > 0 {
			p.line("Not tried is what the event does not tell, so a pass says nothing: %s", audit.Shown(strings.Join(untold, ", "), longestLine))
		}
		p.line("")
	}
	if r.Request != nil {
		p.answer(r.Request, verbose)
	}
	return p.err
}

// teller writes for people. Nothing that it is given may drive a terminal: text of requests comes through
// [audit.Shown].
type teller struct {
	w     io.Writer
	paint func(color, text string) string
	err   error
}

func (p *teller) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

// field writes a line with a name before it.
func (p *teller) field(name, format string, args ...any) {
	p.line("%s %s", p.paint(faint, fmt.Sprintf("%-10s", name)), fmt.Sprintf(format, args...))
}

func (p *teller) verdict(verdict string, status int) string {
	said := p.paint(verdictColor(verdict), verdict)
	if status != 0 {
		said += " " + strconv.Itoa(status)
	}
	return said
}

func (p *teller) answer(a *answer, verbose bool) {
	p.field("request", "%s %s%s", a.Method, a.Host, a.Path)
	switch {
	case a.Route != "":
		p.field("route", "%s (%s)", a.Route, a.RouteWhy)
	default:
		p.field("route", "none")
	}
	p.routes(a)
	p.access(a.Access)
	if a.Policy != "" {
		p.field("policy", "%s (%s, paranoia level %d)", a.Policy, a.Mode, a.Paranoia)
	}
	p.field("verdict", "%s", p.verdict(a.Verdict, a.Status))
	p.field("why", "%s", a.Why)
	p.rules(a.Rules)
	if a.RulesUntold > 0 {
		p.field("", "and %d more rules", a.RulesUntold)
	}
	for i, x := range a.Exclusions {
		p.field(first(i, "excluded"), "%s by %s: %s", audit.Shown(x.What, shownText), x.Source, audit.Shown(x.Reason, shownText))
	}
	coverage := a.Coverage
	if a.CoverageReason != "" {
		coverage += ", " + a.CoverageReason
	}
	p.field("coverage", "%s", coverage)
	if a.Collections != "" {
		p.field("kept", "%s", a.Collections)
	}
	for i, u := range a.Upstreams {
		p.field(first(i, "upstream"), "%s (%s)", u.ID, u.Endpoint)
	}
	if verbose {
		p.field("screen", "%s", a.Screen)
		for i, v := range a.Settings {
			p.field(first(i, "settings"), "%-46s %s (%s)", v.Path, audit.Shown(v.Value, shownText), v.Source)
		}
	}
	if a.Suggestion != nil {
		p.suggestion(a.Suggestion)
	}
}

// routes are those that do not take the request.
func (p *teller) routes(a *answer) {
	for _, r := range a.Routes {
		p.field("", "not %s: %s", r.ID, r.Why)
	}
	if a.RoutesUntold > 0 {
		p.field("", "and %d others", a.RoutesUntold)
	}
}

// rules tells what has been found. What several rules have found one after the other is told once.
func (p *teller) rules(rules []matchedRule) {
	for i, r := range rules {
		score := ""
		switch {
		case r.Score > 0 && r.Counts:
			score = fmt.Sprintf(" +%d", r.Score)
		case r.Score > 0:
			score = fmt.Sprintf(" (+%d at paranoia %d, not counted)", r.Score, r.Paranoia)
		}
		p.field(first(i, "rules"), "%s%s %s", p.paint(bold, strconv.Itoa(r.ID)), score, cmp.Or(r.Message, noMessage))
		if i > 0 && len(r.Others) == 0 && slices.Equal(r.Targets, rules[i-1].Targets) {
			continue
		}
		for i, t := range r.Targets {
			if i == maxTargets {
				p.field("", "  and %d more", len(r.Targets)-i)
				break
			}
			p.field("", "  %s = %s", t.Name, t.Value)
		}
		for _, t := range r.Others {
			p.field("", "  (%s = %s)", t.Name, t.Value)
		}
	}
}

func (p *teller) suggestion(s *suggestion) {
	p.line("")
	if s.Exclusions != "" {
		p.line("%s", p.paint(bold, "If this is a mistake, it passes with this in policy "+s.Policy+", as was tried:"))
		p.line("")
		for line := range strings.Lines(s.Exclusions) {
			p.line("    %s", strings.TrimSuffix(line, "\n"))
		}
	}
	if s.Exclusions != "" && s.Note != "" {
		p.line("")
	}
	if s.Note != "" {
		p.line("%s", p.paint(yellow, "Note: "+s.Note+"."))
	}
}

// event tells what has become of a request.
func (p *teller) event(e *event) {
	show := func(s string) string { return audit.Shown(s, shownText) }
	p.field("event", "%s, request %s", show(e.Time), show(e.RequestID))
	p.field("request", "%s %s%s from %s", show(e.Method), show(e.Host), audit.Shown(e.Path, 4*shownName), show(e.Client))
	if e.Route != "" {
		p.field("route", "%s", show(e.Route))
		p.field("policy", "%s (%s)", show(e.Policy), show(e.Mode))
	}
	p.field("verdict", "%s", p.verdict(show(e.Verdict), e.Status))
	switch {
	case e.Error != "":
		p.field("why", "%s", view.Failure(show(e.Error), show(e.AccessRule)))
	case e.RuleID/1000 == 949 || e.RuleID/1000 == 959:
		p.field("why", "the rules below add up to %s", scoreText(e.Score))
	case e.RuleID != 0:
		p.field("why", "rule %d decided by itself, whatever the score", e.RuleID)
	}
	for i, r := range e.Rules {
		if i == maxEventRules {
			p.field("", "and %d more", len(e.Rules)+e.RulesDropped-i)
			break
		}
		p.field(first(i, "rules"), "%s %s", p.paint(bold, strconv.Itoa(r.ID)), show(cmp.Or(r.Message, noMessage)))
		if r.Target != "" && (i == 0 || r.Target != e.Rules[i-1].Target || r.Value != e.Rules[i-1].Value) {
			p.field("", "  %s = %s", show(r.Target), show(r.Value))
		}
	}
	coverage := show(e.Coverage)
	if e.CoverageReason != "" {
		coverage += ", " + show(e.CoverageReason)
	}
	p.field("coverage", "%s", coverage)
	if e.Generation != 0 {
		p.field("generation", "%d", e.Generation)
	}
}

func scoreText(s *eventScore) string {
	switch {
	case s == nil:
		return "a block"
	case s.Outbound >= s.OutboundThreshold && s.Inbound < s.InboundThreshold:
		return fmt.Sprintf("a score of %d, and responses are blocked from %d on", s.Outbound, s.OutboundThreshold)
	}
	return fmt.Sprintf("a score of %d, and the policy blocks from %d on", s.Inbound, s.InboundThreshold)
}

// maxEventRules bounds what is told of an event that need not come from a tier.
const maxEventRules = 50

// first is the name of a list, for the first of its lines.
func first(i int, name string) string {
	if i > 0 {
		return ""
	}
	return name
}

// valueText is a setting in one line: lists of exclusions and rules by what tells them
// apart, everything else as JSON.
func valueText(v any) string {
	var items []string
	switch v := v.(type) {
	case time.Duration:
		return v.String()
	case []config.Exclusion:
		for _, x := range v {
			items = append(items, exclusionText(x))
		}
	case []config.Rules:
		for _, r := range v {
			items = append(items, r.Source)
		}
	default:
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			return fmt.Sprint(v)
		}
		return strings.TrimSpace(b.String())
	}
	if items == nil {
		return "none"
	}
	return strings.Join(items, ", ")
}

func shorten(s string, letters int) string {
	if r := []rune(s); len(r) > letters {
		return string(r[:letters-1]) + "…"
	}
	return s
}
