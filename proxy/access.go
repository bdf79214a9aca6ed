package proxy

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/access"
	"github.com/wafer-waf/wafer/access/token"
	"github.com/wafer-waf/wafer/grpc"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/message"
)

// asking is what an exchange knows of its access.
type asking struct {
	policy   *access.Policy // that was asked; nil: none
	request  access.Request
	decision access.Decision
	outcome  access.Outcome
	answer   int    // what the application has said to a login
	location string // and where it has sent its client
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
		r.Readings, r.Unreadable = readings(v.path)
	}
	a.policy, a.decision = policy, policy.Decide(r)
	defer func() { x.accessed = time.Since(x.started) }()
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

// mayLogIn has a login decided about by the accounts that its body names, when that was inspected.
func (x *exchange) mayLogIn() bool {
	a := &x.asking
	if a.policy == nil || !a.policy.ReadsBody(&a.request, &a.decision) {
		return true
	}
	accounts, whole := x.inspection.Arguments(a.policy.Account().Selects)
	d := a.policy.DecideBody(&a.request, accounts, whole && !x.messages())
	if d.WouldRule != "" && a.decision.WouldRule == "" {
		a.decision.Would, a.decision.WouldRule = d.Would, d.WouldRule
	}
	if d.Verdict == access.Pass {
		return true
	}
	a.decision = d
	return x.turnAway(&a.decision)
}

// awaits reports whether the application's answer is waited for even if the client leaves: it decides what is counted.
func (a *asking) awaits() bool { return a.policy != nil && a.policy.Awaits(&a.request) }

// heard keeps what the application says to a login.
func (a *asking) heard(r *message.Response) {
	if a.policy != nil && a.policy.Follows() {
		a.answer, a.location = r.Status, strings.Clone(r.Fields.Get("Location"))
	}
}

// carried is the request as it was asked about; nil: nobody was.
func (a *asking) carried() *access.Request {
	if a.policy == nil {
		return nil
	}
	return &a.request
}

// turnAway answers a request that may not ask. It reports false.
func (x *exchange) turnAway(d *access.Decision) bool {
	x.outcome = x.outcome.Refuse(inspect.Failure{Status: d.Status, Word: d.Verdict.String()})
	x.countRefusal()
	more := d.Demands[:len(d.Demands):len(d.Demands)]
	if d.RetryAfter > 0 {
		seconds := (d.RetryAfter + time.Second - 1) / time.Second
		more = append(more, message.Field{Name: "Retry-After", Value: strconv.FormatInt(int64(seconds), 10)})
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
	a.outcome = access.Outcome{Status: x.response.Status, Answer: a.answer, Location: a.location, Score: score, BytesIn: in, BytesOut: out}
	if x.outcome.Failure == inspect.ClientGone && a.answer != 0 { // who leaves does not get what was answered
		a.outcome.Status = a.answer
	}
	switch x.outcome.Verdict {
	case inspect.Block, inspect.Redirect, inspect.Drop, inspect.WouldBlock:
		a.outcome.Blocked = true
	}
	a.policy.Done(&a.request, &a.decision, &a.outcome)
}

// keysTold tells of the keys of an issuer whose tokens are taken.
func (p *Proxy) keysTold(of token.RemoteConfig, changed bool, err error) {
	p.metrics.KeysFetched(of.URL, err)
	switch {
	case err != nil:
		p.log.Warn().Err(err).Str("url", of.URL).Msg("keys of an issuer are not told, those told last are used")
	case changed:
		p.log.Info().Str("url", of.URL).Msg("keys of an issuer have changed")
	}
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
