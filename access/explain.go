package access

import "strings"

// Step is one step of a decision, for people.
type Step struct {
	What string // "rule", "bans", "own", "default", "tokens", "limits", "challenge" or "login"
	ID   string // of a rule
	Says string // what it makes of the request
	Ends bool   // the decision is made here
}

// Explain returns the steps of the decision about a request, in their order, without counting or remembering anything.
// What would be decided by what only a process that serves remembers, such as bans, the steps can only name.
func (p *Policy) Explain(r *Request) []Step {
	r.located = located{places: p.places}
	r.proved = proved{by: p.carried.explained()}
	steps, by := p.explainRules(nil, p.always, r)
	if by != nil && by.Then == AlwaysAllows {
		return steps
	}
	if p.bans != nil {
		if says := p.bans.Explain(r); says != "" {
			steps = append(steps, Step{What: "bans", Says: says})
		}
	}
	if r.Own {
		return append(steps, Step{What: "own", Says: "the tier answers at this path by itself, and no rule applies", Ends: true})
	}
	if by == nil {
		steps, by = p.explainRules(steps, p.rules, r)
	}
	challenged := ""
	switch {
	case by != nil && by.Then == Denies:
		return steps
	case by != nil && by.Then == Challenges:
		challenged = by.ID
	case by == nil && p.deny:
		return append(steps, Step{What: "default", Says: "deny", Ends: true})
	case by == nil:
		steps = append(steps, Step{What: "default", Says: "allow"})
	}
	if p.tokens != nil {
		steps = append(steps, Step{What: "tokens", Says: p.tokens.Explain(r)})
	}
	if p.limits != nil {
		steps = append(steps, Step{What: "limits", Says: p.limits.Explain(r)})
	}
	if p.challenge != nil {
		steps = append(steps, Step{What: "challenge", Says: p.challenge.Explain(r, challenged)})
	}
	if p.logins != nil && p.logins.is(r) {
		steps = append(steps, Step{What: "login", Says: p.logins.Explain(r)})
	}
	return steps
}

// explainRules adds what each rule makes of a request up to the first that decides, which it returns.
func (p *Policy) explainRules(steps []Step, rules []rule, r *Request) ([]Step, *rule) {
	for i := range rules {
		by := &rules[i]
		step := Step{What: "rule", ID: by.ID}
		missed := by.tests.missed(r)
		if r.undecided && by.Mode == Enforce && p.pending != PendingAllows {
			by = p.instead(by)
			step.Says = "is not known to apply while nobody has verified the robot that the client says it is: " + thenWords[by.Then]
			step.Ends = by.Then == Denies
			return append(steps, step), by
		}
		switch {
		case missed != "":
			step.Says = "does not apply: " + missed + by.tests.whys(r, missed)
		case by.Mode == Observe:
			step.Says = "would " + thenWords[by.Then] + ", but is only observed" + by.tests.whys(r, "")
		default:
			step.Says = thenWords[by.Then] + by.tests.whys(r, "")
			step.Ends = by.Then == Denies || by.Then == AlwaysAllows
			return append(steps, step), by
		}
		steps = append(steps, step)
	}
	return steps, nil
}

// whys are why conditions hold, or why one of a name does not, in brackets; empty if they have nothing to say.
func (t tests) whys(r *Request, missed string) string {
	var all []string
	for i := range t {
		if t[i].why != nil && (missed == "" || t[i].name == missed) {
			all = append(all, t[i].why(r))
		}
	}
	if all == nil {
		return ""
	}
	return " (" + strings.Join(all, ", ") + ")"
}

var thenWords = [...]string{Allows: "allow", AlwaysAllows: "always allow", Denies: "deny", Challenges: "challenge"}

// Observed reports whether the policy only tells what it would decide.
func (p *Policy) Observed() bool { return p.observe }
