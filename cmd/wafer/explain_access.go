package main

import (
	"strings"

	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/proxy"
)

// accessAnswer is what an access policy makes of a request.
type accessAnswer struct {
	Policy   string       `json:"policy"`
	Observed bool         `json:"observed,omitempty"` // what it decides is only told
	Decision string       `json:"decision"`
	Rule     string       `json:"rule,omitempty"` // that decided
	Would    string       `json:"would,omitempty"`
	Steps    []accessStep `json:"steps"`
}

type accessStep struct {
	Step string `json:"step"` // "rule", "bans", "default", "tokens", "limits" or "challenge"
	ID   string `json:"id,omitempty"`
	Says string `json:"says"`
}

func newAccessAnswer(e *proxy.AccessExplanation) *accessAnswer {
	if e == nil {
		return nil
	}
	a := &accessAnswer{Policy: e.Policy, Observed: e.Observed, Decision: e.Decision.Verdict.String(), Rule: e.Decision.Rule}
	if e.Decision.WouldRule != "" {
		a.Would = e.Decision.Would.String() + " " + e.Decision.WouldRule
	}
	for _, s := range e.Steps {
		a.Steps = append(a.Steps, accessStep{s.What, s.ID, audit.Shown(s.Says, longestLine)})
	}
	return a
}

// brief leaves out the rules that do not apply.
func (a *accessAnswer) brief() {
	if a == nil {
		return
	}
	steps := a.Steps
	a.Steps = []accessStep{}
	for _, s := range steps {
		if !strings.HasPrefix(s.Says, notApplied) {
			a.Steps = append(a.Steps, s)
		}
	}
}

// notApplied begins what is said of a rule whose conditions do not hold.
const notApplied = "does not apply"

// access tells the steps of a decision.
func (p *teller) access(a *accessAnswer) {
	if a == nil {
		return
	}
	said := a.Decision
	if a.Would != "" {
		said += ", would be " + a.Would
	}
	if a.Observed {
		said += " (mode: observe)"
	}
	p.field("access", "%s: %s", a.Policy, said)
	for _, s := range a.Steps {
		p.field("", "%s: %s", strings.TrimSpace(s.Step+" "+s.ID), s.Says)
	}
}
