package access

import (
	"fmt"
	"sync"

	"github.com/wafer-waf/wafer/access/ban"
	"github.com/wafer-waf/wafer/access/bots"
	"github.com/wafer-waf/wafer/access/challenge"
	"github.com/wafer-waf/wafer/access/login"
	"github.com/wafer-waf/wafer/access/rate"
	"github.com/wafer-waf/wafer/access/store"
	"github.com/wafer-waf/wafer/access/token"
)

// State is what is remembered about clients: it belongs to the process, so that a new configuration forgets nobody. It
// also makes the policies that use it.
type State struct {
	robots  func() *bots.Verifier
	guard   func() *challenge.Guard
	logins  *login.State
	remotes remotes

	mu    sync.Mutex
	store *store.Store // nil: replicas share nothing
	rates *rate.State  // nil: there are no limits yet

	// BansWith says how bans are made; it is set before the first policy is made.
	BansWith ban.Options
	banned   *ban.Table // nil: there is no policy yet

	// KeysTold is told of each fetch of an issuer's keys. It is set before anything is compiled; nil: nobody asks.
	KeysTold func(c token.RemoteConfig, changed bool, err error)
}

// NewState returns a state that knows nobody. What of it no policy needs is not made.
func NewState() *State {
	s := &State{
		robots: sync.OnceValue(func() *bots.Verifier { return bots.NewVerifier(nil) }),
		guard:  sync.OnceValue(challenge.NewGuard),
	}
	s.logins = login.NewState(sharedLogins{s})
	return s
}

// Problem is what is wrong with a part of a policy.
type Problem struct {
	Key string // as in "rules[0].when.paths[1]"
	Err error
}

func (p *Problem) Error() string { return p.Key + ": " + p.Err.Error() }

func (p *Problem) Unwrap() error { return p.Err }

// Compile makes a policy. It returns all that is wrong; a policy that is off is nil.
func (s *State) Compile(c *Config) (*Policy, []*Problem) {
	var problems []*Problem
	report := func(key string, err error) { problems = append(problems, &Problem{key, err}) }
	p := &Policy{id: c.ID, observe: c.Mode == Observe, deny: c.Deny, status: c.Status, places: c.Places, counted: c.Counted}
	p.pending = c.BotsPending
	if c.Challenge != nil {
		made, err := newChallenger(c.Challenge)
		if err != nil {
			report("challenge", err)
		}
		p.challenge, p.paths = made, true
	}
	var claims []string
	for i := range c.Rules {
		of := c.Rules[i]
		claims = of.When.claimNames(claims)
		if of.Then == Denies && of.Status == 0 {
			of.Status = c.Status
		}
		p.paths = p.paths || of.When.readsPaths()
		restricts := of.Then == Denies || of.Then == Challenges
		made := rule{Rule: of, tests: compileWhen(of.When, restricts, func(key string, err error) {
			report(fmt.Sprintf("rules[%d].when.%s", i, key), err)
		})}
		switch {
		case of.Mode == Off:
		case of.Then == AlwaysAllows:
			p.always = append(p.always, made)
		default:
			p.rules = append(p.rules, made)
		}
	}
	for i := range c.Limits {
		claims = c.Limits[i].claimNames(claims)
	}
	if p.carried = newCarriage(c.Tokens, c.APIKeys, claims, c.Carried); p.carried != nil {
		p.tokens, p.carried.would = p.carried, func(rule string) { p.count(rule, Unauthenticated, true) }
	}
	if l := c.Login; l != nil && l.Mode != Off && c.Mode != Off {
		var err error
		if p.logins, err = newLogins(c.ID, l, s.logins); err != nil {
			report("login", err)
		}
		p.paths, p.followers = true, append(p.followers, p.logins)
	}
	if c.Mode == Off && len(problems) == 0 {
		return nil, nil
	}
	b := s.compileBans(p, c.Bans)
	if p.bans = b; len(b.rules) > 0 {
		p.followers = append(p.followers, b)
	}
	if l := s.compileLimits(p, c.Limits, report); l != nil {
		p.limits = l
		if l.follow() {
			p.followers = append(p.followers, l)
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return p, nil
}
