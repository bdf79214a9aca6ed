package access

import (
	"net/http"

	"github.com/wafer-waf/wafer/access/challenge"
	"github.com/wafer-waf/wafer/message"
)

// Proof says how clients prove that a browser is there.
type Proof struct {
	challenge.Options
	Deny  bool                                           // requests that cannot be asked and have no proof
	Asked func(token challenge.Standing, got ProofReply) // is told of every request that has none; nil: nobody asks
}

// ProofReply is what a request without a proof gets.
type ProofReply string

// What it can get.
const (
	ProofPage   ProofReply = "page"
	ProofDenied ProofReply = "denied" // it cannot be asked
	ProofPassed ProofReply = "passed" // likewise
)

// challenger asks requests for a proof that a rule wants one of.
type challenger struct {
	Proof
	challenge *challenge.Challenge
}

func newChallenger(p *Proof) (*challenger, error) {
	c, err := challenge.New(p.Options)
	return &challenger{*p, c}, err
}

// Decide implements [Challenger].
func (c *challenger) Decide(r *Request, rule string) Decision {
	token, got := c.judge(r, rule)
	if token == challenge.In {
		return Decision{}
	}
	if c.Asked != nil {
		c.Asked(token, got)
	}
	switch got {
	case ProofPassed:
		return Decision{}
	case ProofDenied:
		return Decision{Verdict: Challenge, Status: http.StatusForbidden, Rule: rule}
	}
	who := clientOf(r)
	page := c.challenge.Ask(&who, r.Target, r.ID, r.Now)
	return Decision{Verdict: Challenge, Status: page.Status, Rule: rule, Answer: &message.Response{
		Status: page.Status, Fields: page.Fields, Body: message.Body{Bytes: page.Body},
	}}
}

// judge says how a request stands, and what it gets if it is not let in.
func (c *challenger) judge(r *Request, rule string) (challenge.Standing, ProofReply) {
	if rule == "" || r.everyReading(challenge.Exempt) {
		return challenge.In, ""
	}
	who, askable := clientOf(r), challenge.Askable(r.Method, r.Fields)
	token := c.challenge.Stands(r.Fields, &who, !askable, r.Now)
	switch {
	case askable:
		return token, ProofPage
	case c.Deny:
		return token, ProofDenied
	}
	return token, ProofPassed
}

// Would implements [Challenger].
func (c *challenger) Would(r *Request, rule string) Verdict {
	if token, got := c.judge(r, rule); token == challenge.In || got == ProofPassed {
		return Pass
	}
	return Challenge
}

// Explain implements [Challenger].
func (c *challenger) Explain(r *Request, rule string) string {
	token, got := c.judge(r, rule)
	switch {
	case rule == "":
		return "is not asked for"
	case token == challenge.In && r.everyReading(challenge.Exempt):
		return "does not ask at this path"
	case token == challenge.In:
		return "passes by its token"
	case got == ProofPage:
		return "asks by a page: " + string(token)
	case got == ProofDenied:
		return "cannot ask this request, and denies it: " + string(token)
	}
	return "cannot ask this request, and lets it pass: " + string(token)
}

func clientOf(r *Request) challenge.Client {
	return challenge.Client{Host: r.Host, Address: r.Client, Agent: r.Fields.Get("User-Agent")}
}

// Answers returns what takes the answers to the puzzles that are signed with one of these keys; nil: there are none.
func (s *State) Answers(keys ...*challenge.Keys) *challenge.Endpoint {
	if len(keys) == 0 {
		return nil
	}
	return challenge.NewEndpoint(s.guard(), keys...)
}
