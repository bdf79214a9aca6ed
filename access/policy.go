package access

import (
	"net/http"
	"net/netip"
	"time"
)

// Config is what a policy is made of.
type Config struct {
	ID          string
	Mode        Mode
	Deny        bool // requests that no rule decides
	Status      int  // of what is denied
	Rules       []Rule
	Limits      []LimitSpec
	Places      Places // nil: nothing is known of where clients are
	Bans        []BanSpec
	Challenge   *Proof  // nil: nobody can be asked for one
	BotsPending Pending // what becomes of who says to be a robot, and is not known to be one yet
	Tokens      *Tokens
	APIKeys     *APIKeys
	Login       *Login

	Counted func(rule string, v Verdict, would bool) // is told of every decision, and of all that was only observed; nil: nobody asks
	Carried func(of, reason string)                  // is told of every token and API key; likewise
}

// Mode says what is done with what is decided.
type Mode uint8

// The modes.
const (
	Enforce Mode = iota
	Observe
	Off
)

// Rule decides about the requests that meet its conditions.
type Rule struct {
	ID     string
	When   *When // nil: every request
	Then   Then
	Status int // of Denies; 0: that of the policy
	Mode   Mode
}

// Then is what a rule does with a request.
type Then uint8

// What it can do.
const (
	Allows Then = iota
	AlwaysAllows
	Denies
	Challenges
)

// Policy decides about requests.
type Policy struct {
	id      string
	observe bool
	deny    bool
	status  int
	always  []rule // those that always allow, in order
	rules   []rule // the others, in order
	counted func(rule string, v Verdict, would bool)
	paths   bool // are among the conditions
	places  Places

	// What decides by more than conditions; nil: the policy has none. Decide asks them in this order.
	bans      Part
	tokens    Part
	limits    Part
	challenge Challenger

	pending Pending
	carried *carriage // the tokens, which conditions ask, too
	logins  *logins

	followers []Follower // that have to know what becomes of requests
	awaits    bool       // some of them the status, of every request
}

// Part is a step of the decision that has a state. It returns what it decides, or notes what it would.
type Part interface {
	Decide(*Request) Decision
	// Explain says in a line what it would do with a request, without doing anything.
	Explain(*Request) string
}

// Challenger is the last step.
type Challenger interface {
	// Decide is that of a [Part], for a request that a rule has challenged; empty: none has.
	Decide(r *Request, rule string) Decision
	// Would says what Decide would, without telling anybody.
	Would(r *Request, rule string) Verdict
	Explain(r *Request, rule string) string
}

// Follower is told what has become of requests.
type Follower interface {
	Done(*Request, *Decision, *Outcome)
}

// rule is a rule, compiled.
type rule struct {
	Rule
	tests tests
	later time.Duration // of who is told to come again
}

// AlwaysAllowed returns the id of a rule that always allows whoever asks from an address, whatever is asked for; empty: there
// is none.
func (p *Policy) AlwaysAllowed(address netip.Addr, now time.Time) string {
	r := &Request{Client: address, Now: now}
	for i := range p.always {
		of := &p.always[i]
		byAddress := len(of.tests) == 0 || len(of.tests) == 1 && of.When.Addresses != nil && of.When.Not == nil
		if of.Mode == Enforce && byAddress && of.tests.missed(r) == "" {
			return of.ID
		}
	}
	return ""
}

// ID returns the id of the policy.
func (p *Policy) ID() string { return p.id }

// ReadsPaths reports whether it matters how the path of a request can be read.
func (p *Policy) ReadsPaths() bool { return p.paths }

// Decide says what becomes of a request.
func (p *Policy) Decide(r *Request) Decision {
	r.proved = proved{by: p.carried}
	r.located = located{places: p.places}
	d := p.decide(r)
	if p.observe && d.Verdict != Pass {
		d.Would, d.WouldRule = d.Verdict, d.Rule
		d.Verdict, d.Status, d.Rule, d.Answer, d.RetryAfter, d.Demands = Pass, 0, Default, nil, 0, nil
		p.count(d.WouldRule, d.Would, true)
	}
	p.count(d.Rule, d.Verdict, false)
	return d
}

func (p *Policy) count(rule string, v Verdict, would bool) {
	if p.counted != nil {
		p.counted(rule, v, would)
	}
}

// decide goes the steps of a decision until one ends it.
func (p *Policy) decide(r *Request) (d Decision) {
	d.Rule = Default
	by := p.first(p.always, r, &d)
	if by != nil && by.Then == AlwaysAllows {
		d.Rule, d.Always = by.ID, true
		return d
	}
	if p.bans != nil && d.take(p.bans.Decide(r)) || r.Own {
		return d
	}
	if by == nil {
		by = p.first(p.rules, r, &d)
	}
	challenged := ""
	switch {
	case by == nil && p.deny:
		d.Verdict, d.Status = Deny, p.status
		return d
	case by == nil:
	case by.Then == Denies:
		d.Verdict, d.Status, d.Rule, d.RetryAfter = Deny, by.Status, by.ID, by.later
		return d
	case by.Then == Challenges:
		d.Rule, challenged = by.ID, by.ID
	default:
		d.Rule = by.ID
	}
	if p.tokens != nil && d.take(p.tokens.Decide(r)) || p.limits != nil && d.take(p.limits.Decide(r)) {
		return d
	}
	switch {
	case p.challenge != nil:
		d.take(p.challenge.Decide(r, challenged))
	case challenged != "": // nobody can ask it anything
		d.Verdict, d.Status = Challenge, http.StatusForbidden
	}
	return d
}

// first returns the first rule that a request meets and that is in force; nil: there is none. It notes those before it
// that are only observed.
func (p *Policy) first(rules []rule, r *Request, d *Decision) *rule {
	for i := range rules {
		by := &rules[i]
		missed := by.tests.missed(r) != ""
		if r.undecided && by.Mode == Enforce && p.pending != PendingAllows {
			return p.instead(by)
		}
		if missed {
			continue
		}
		if by.Mode == Enforce {
			return by
		}
		v := verdictOf[by.Then]
		if v == Challenge && p.challenge != nil {
			v = p.challenge.Would(r, by.ID)
		}
		d.would(v, by.ID)
		p.count(by.ID, v, true)
	}
	return nil
}

// verdictOf is what a rule decides that does so.
var verdictOf = [...]Verdict{Allows: Pass, AlwaysAllows: Pass, Denies: Deny, Challenges: Challenge}

// Follows reports whether the policy has to know what becomes of requests.
func (p *Policy) Follows() bool { return len(p.followers) > 0 }

// Awaits reports whether the status of the application's answer decides what is counted of a request. Its answer is
// waited for then: else whoever leaves before it is there would have asked for nothing, and find out in another way what
// it was.
func (p *Policy) Awaits(r *Request) bool {
	return p.awaits || r.attempt.Begun() || r.scratch.limits.AwaitsStatus()
}

// Done tells what has become of a request that was decided about.
func (p *Policy) Done(r *Request, d *Decision, o *Outcome) {
	for _, f := range p.followers {
		f.Done(r, d, o)
	}
}
