package snapshot

import (
	"slices"

	"github.com/wafer-waf/wafer/access"
	"github.com/wafer-waf/wafer/access/bots"
	"github.com/wafer-waf/wafer/access/challenge"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/metrics"
)

// proof says to package access what config.Challenge says; nil: there is no key, and nobody is asked.
func proof(c *config.Challenge, counted *metrics.Access) *access.Proof {
	keys, err := challenge.NewKeys(c.Keys...)
	if err != nil { // config has checked those that there are
		return nil
	}
	return &access.Proof{
		Options: challenge.Options{
			Keys: keys, Bits: c.Difficulty, Within: c.AnswerWithin, Wait: c.NoScriptWait, Lifetime: c.Lifetime, Grace: c.Grace,
			Status: c.Status,
		},
		Deny:  c.Otherwise != config.Allow,
		Asked: func(token challenge.Standing, got access.ProofReply) { counted.Challenged(string(token), string(got)) },
	}
}

// answers returns what takes the answers to all puzzles of a configuration; nil: there are none.
func answers(c *config.Routes, state *access.State) *challenge.Endpoint {
	var all []*challenge.Keys
	for i := range c.Access {
		if keys, err := challenge.NewKeys(c.Access[i].Challenge.Keys...); err == nil { // others are reported where they are asked by
			all = append(all, keys)
		}
	}
	return state.Answers(all...)
}

// robots are those that conditions of a policy can name.
type robots struct {
	list  []config.Bot
	state *access.State
	made  map[string]*access.Robot
}

// named returns the robots of a condition. Of a definition config has checked that a robot can be made of it.
func (r *robots) named(ids []string) (all []*access.Robot) {
	for _, b := range r.list {
		if !slices.Contains(ids, b.ID) && !slices.Contains(ids, config.AnyBot) {
			continue
		}
		if r.made[b.ID] == nil {
			made, err := r.state.Robot(bots.Definition{ID: b.ID, Agents: b.UserAgents, Domains: b.Domains})
			if err != nil {
				continue
			}
			if r.made == nil {
				r.made = map[string]*access.Robot{}
			}
			r.made[b.ID] = made
		}
		all = append(all, r.made[b.ID])
	}
	return all
}

var pendings = map[config.BotPending]access.Pending{
	config.PendingDeny: access.PendingDenies, config.PendingChallenge: access.PendingChallenges, config.PendingAllow: access.PendingAllows,
}
