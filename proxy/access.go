package proxy

import (
	"net/http"
	"strconv"
	"time"

	"github.com/wafer-waf/wafer/access"
	"github.com/wafer-waf/wafer/grpc"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/routing"
)

// asking is what an exchange knows of its access.
type asking struct {
	policy   *access.Policy // that was asked; nil: none
	request  access.Request
	decision access.Decision
}

// kept is what the next request needs of it.
func (a *asking) kept() asking {
	a.request.Reset(nil)
	return asking{request: a.request}
}

// mayAsk has the access of the request decided, before anything of it is inspected.
func (x *exchange) mayAsk(policy *access.Policy) bool {
	if policy == nil {
		return true
	}
	a, v := &x.asking, &x.view
	r := &a.request
	r.Reset(x.scratch)
	r.Client, r.Household, r.Certificate = v.client, x.place.who.client, v.who
	r.Method, r.Host, r.Target, r.Fields, r.Now = v.Method, v.Host, v.Target, v.Fields, x.started
	r.ID, r.Own = x.id, x.isOwn()
	_, r.Dry = x.client.(*onlooker)
	if x.route != nil {
		r.Route, r.Matched = x.route.Config.ID, x.matched.Value
	}
	if policy.ReadsPaths() {
		r.Readings = readings(v.path)
	}
	a.policy, a.decision = policy, policy.Decide(r)
	switch a.decision.Verdict {
	case access.Pass:
		return a.decision.Wait <= 0 || x.awaitTurn(a.decision.Wait)
	case access.Challenge:
		if x.inClearText() { // who is told to come by https is asked then, and gets a cookie that is not sent without
			return true
		}
	}
	return x.turnAway(&a.decision)
}

// turnAway answers a request that may not ask. It reports false.
func (x *exchange) turnAway(d *access.Decision) bool {
	x.outcome = x.outcome.Refuse(inspect.Failure{Status: d.Status, Word: d.Verdict.String()})
	x.countRefusal()
	var more message.Fields
	if d.RetryAfter > 0 {
		seconds := (d.RetryAfter + time.Second - 1) / time.Second
		more = message.Fields{{Name: "Retry-After", Value: strconv.FormatInt(int64(seconds), 10)}}
	}
	switch page := &defaultPages; {
	case d.Answer != nil && x.form() == grpc.None:
		x.response.Status, x.response.Reason = d.Answer.Status, d.Answer.Reason
		x.response.Fields = append(x.response.Fields[:0], d.Answer.Fields...)
		x.response.Fields = append(x.response.Fields, message.Field{Name: requestIDField, Value: x.id})
		x.respond(d.Answer.Body)
	default:
		if x.route != nil && d.Status == http.StatusForbidden {
			page = &x.route.block
		}
		x.page(d.Status, page, more...)
	}
	return false
}

// asked tells the access policy what has become of the request.
func (x *exchange) asked(score int, in, out int64) {
	a := &x.asking
	if a.policy == nil || !a.policy.Follows() {
		return
	}
	o := access.Outcome{Status: x.response.Status, Score: score, BytesIn: in, BytesOut: out}
	switch x.outcome.Verdict {
	case inspect.Block, inspect.Redirect, inspect.Drop, inspect.WouldBlock:
		o.Blocked = true
	}
	a.policy.Done(&a.request, &a.decision, &o)
}

// told is what events tell of a decision: what refused the request, and what would have been decided.
func (a *asking) told() (rule, would string) {
	d := &a.decision
	if a.policy == nil {
		return "", ""
	}
	if d.Rule != access.Default || d.Verdict != access.Pass {
		rule = d.Rule
	}
	if d.WouldRule != "" {
		would = d.Would.String() + " " + d.WouldRule
	}
	return rule, would
}

// readings are the ways in which servers may read a path beside the canonical one; nil: there is none.
func readings(path string) (others [][]byte) {
	found, _ := oddities(path, 0)
	if found == 0 {
		return nil
	}
	vary := ways(path, found)
	if found&kindDoubleEncoding != 0 {
		twice := routing.DecodeOnce(path)
		again, _ := oddities(twice, 0)
		vary |= routing.DecodeTwice | ways(twice, again)
	}
	for some := (0 - vary) & vary; some != 0; some = (some - vary) & vary {
		read, _ := routing.AppendReading(nil, path, canonical&^vary|some)
		others = append(others, read)
	}
	read, _ := routing.AppendReading(nil, path, canonical&^vary)
	return append(others, read)
}
