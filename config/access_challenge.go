package config

import (
	"slices"
	"strings"
	"time"
)

// Challenge says how clients prove that somebody sits in front of them.
type Challenge struct {
	Keys         []string      `mapstructure:"keys"`           // the first signs, all are believed; all replicas have the same
	Difficulty   int           `mapstructure:"difficulty"`     // bits of the proof; each more doubles the work
	Lifetime     time.Duration `mapstructure:"lifetime"`       // of a proof
	Grace        time.Duration `mapstructure:"grace"`          // beyond it, for requests that cannot be asked
	AnswerWithin time.Duration `mapstructure:"answer_within"`  // the page is answered
	NoScriptWait time.Duration `mapstructure:"no_script_wait"` // of clients without scripts; 0: they do not pass
	Otherwise    Choice        `mapstructure:"otherwise"`      // of requests that cannot be asked and have no proof: allow or deny
	Status       int           `mapstructure:"status"`         // of the page: 403, 429 or 503
}

// DefaultChallenge returns what a challenge is before the file says anything about it.
func DefaultChallenge() Challenge {
	return Challenge{
		Difficulty: 16, Lifetime: 12 * time.Hour, Grace: time.Hour, AnswerWithin: 5 * time.Minute,
		NoScriptWait: 5 * time.Second, Status: 429,
	}
}

// ReservedPaths is where the tier answers by itself on hosts with a challenge.
const ReservedPaths = "/.well-known/wafer/"

// Bounds of a challenge.
const (
	shortestKey      = 32 // characters
	mostKeys         = 4
	fewestBits       = 8
	mostBits         = 24
	longestAnswering = 12 * time.Hour
)

// checkChallenge checks the keys of a challenge against each other. Nothing is said of keys that nobody needs.
func (c *checker) checkChallenge(path string, ch *Challenge) {
	for i, key := range ch.Keys {
		if j := slices.Index(ch.Keys, key); j < i && key != atTheTier {
			c.add(indexPath(path+".keys", i), "is the same as %s", indexPath("keys", j))
		}
		if len(key) < shortestKey && key != atTheTier {
			c.add(indexPath(path+".keys", i), "too short: at least %d characters that all replicas share, such as ${file:…}", shortestKey)
		}
	}
	if len(ch.Keys) > mostKeys {
		c.add(path+".keys", "at most %d", mostKeys)
	}
	c.between(path+".difficulty", ch.Difficulty, fewestBits, mostBits)
	if ch.AnswerWithin < 10*time.Second || ch.AnswerWithin > longestAnswering {
		c.add(path+".answer_within", "%s is out of range: 10s to %s", ch.AnswerWithin, longestAnswering)
	}
	if ch.Lifetime < ch.AnswerWithin {
		c.add(path+".lifetime", "%s is shorter than answer_within, which is %s: a slow client's proof would end before it is given",
			ch.Lifetime, ch.AnswerWithin)
	}
	c.notNegative(path+".grace", ch.Grace)
	c.notNegative(path+".no_script_wait", ch.NoScriptWait)
	if ch.NoScriptWait%time.Second != 0 {
		c.add(path+".no_script_wait", "%s: pages count whole seconds", ch.NoScriptWait)
	}
	if ch.NoScriptWait > ch.AnswerWithin/2 {
		c.add(path+".no_script_wait", "%s is more than half of answer_within, which is %s: nobody could wait that long and answer in time",
			ch.NoScriptWait, ch.AnswerWithin)
	}
	if ch.Otherwise != "" {
		word(c, path+".otherwise", ch.Otherwise)
	}
	if !slices.Contains([]int{403, 429, 503}, ch.Status) {
		c.add(path+".status", "%d is not 403, 429 or 503", ch.Status)
	}
}

// needsChallenge says what is missing where a challenge is asked for.
func (c *checker) needsChallenge(path string, ch *Challenge) {
	if len(ch.Keys) == 0 {
		c.add(path, "needs challenge.keys: a secret of at least %d characters that all replicas share, such as ${file:…}", shortestKey)
	}
	if ch.Otherwise == "" {
		c.add(path, "needs challenge.otherwise: write deny or allow, for requests that cannot be asked, such as calls of programs")
	}
}

// checkReserved refuses paths of routes that nobody could reach: those below which the tier answers by itself.
func (c *checker) checkReserved(r *Routes) {
	if !slices.ContainsFunc(r.Access, func(a Access) bool { return len(a.Challenge.Keys) > 0 }) {
		return
	}
	for i := range r.Routes {
		for j, p := range r.Routes[i].Paths {
			if at := p.Exact + p.Prefix; strings.HasPrefix(at+"/", ReservedPaths) {
				c.add(indexPath(indexPath("routes", i)+".paths", j), "%s is answered by the tier itself where there is a challenge: "+
					"no request would reach the route", ReservedPaths)
			}
		}
	}
}
