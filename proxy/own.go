package proxy

import (
	"bytes"
	"io"
	"net/http"
	"strings"

	"github.com/wafer-waf/wafer/access/challenge"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/message"
)

// isOwn reports whether the tier answers the request by itself, whatever routes say.
func (x *exchange) isOwn() bool {
	return x.snapshot.Answers != nil && bytes.HasPrefix(x.scratch, []byte(challenge.Prefix))
}

// answerOwn answers a request of which no application hears. Of the route that it would take, if there is one, only
// the access policy matters, and of that only whom it has banned. It reports false.
func (x *exchange) answerOwn(r *route) bool {
	policy := x.snapshot.Access
	if r != nil {
		x.route, policy = r, r.Access
	}
	x.outcome.Coverage = inspect.Coverage{Label: inspect.None, Reason: inspect.ReasonRedirect}
	if !x.mayAsk(policy) {
		return false
	}
	v := &x.view
	_, query, _ := strings.Cut(v.Target, "?")
	a := challenge.Answer{
		Method: v.Method, Path: string(x.scratch), Query: query, Secure: v.isSecure(), ID: x.id, Now: x.started,
		Client: challenge.Client{Host: v.Host, Address: v.client, Agent: v.Fields.Get("User-Agent")},
	}
	if v.Method == http.MethodPost {
		var ok bool
		if a.Body, ok = x.readAnswer(); !ok {
			return false
		}
	}
	reply, outcome := x.snapshot.Answers.Take(&a)
	x.proxy.metrics.Answered(string(outcome))
	if reply.Status != http.StatusSeeOther {
		x.outcome = x.outcome.Refuse(inspect.Failure{Status: reply.Status, Word: "challenge_" + string(outcome)})
		x.countRefusal()
	}
	x.response.Status, x.response.Reason = reply.Status, ""
	x.response.Fields = append(append(x.response.Fields[:0], reply.Fields...), message.Field{Name: requestIDField, Value: x.id})
	x.respond(message.Body{Bytes: reply.Body})
	return false
}

// readAnswer reads the body of an answer. It answers itself if that cannot be one.
func (x *exchange) readAnswer() (body []byte, ok bool) {
	from := &x.view.Body
	if from.Stream == nil {
		return from.Bytes, true
	}
	if from.Length > challenge.MostBytes {
		return nil, x.refuse(bodyTooLong)
	}
	counted := &countedBody{r: from.Stream, announced: from.Length, limit: challenge.MostBytes}
	x.stream = counted
	body, err := io.ReadAll(counted)
	if err != nil {
		return nil, x.bodyFailed(err)
	}
	return body, true
}
