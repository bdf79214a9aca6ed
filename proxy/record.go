package proxy

import (
	"slices"
	"time"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/record"
	"github.com/wafer-waf/wafer/snapshot"
	"github.com/wafer-waf/wafer/waf"
)

// A transaction is recorded because of its head, or because of what becomes of it. Of the former, bodies are captured
// while they go by; of the latter, what is held anyway is kept: nothing is held in case it might be wanted. That a
// transaction is wanted because of its outcome is asked twice: before the body of the response goes, which is
// captured then, and at the end.

// recording is what an exchange has captured of a transaction that is recorded.
type recording struct {
	why      snapshot.Reasons
	request  *record.Capture // nil: it is still held, or was never there
	response *record.Capture // nil: it was not captured
	kept     bool            // the request's body was looked for
}

// records is what the route records; nil: nothing, which is all that most requests ask.
func (x *exchange) records() *snapshot.Recording {
	if x.route == nil || x.proxy.recorder == nil {
		return nil
	}
	return x.route.Records
}

// mark notes whether the request is recorded because of its head.
func (x *exchange) mark() {
	if r := x.records(); r != nil {
		if why := r.AtHead(x.view.client, x.view.Fields); why != 0 {
			x.recording = &recording{why: why}
		}
	}
}

// captureRequest has a body captured that goes on beyond what is held of it, or is made of messages.
func (x *exchange) captureRequest() {
	rec, c := x.recording, x.arriving()
	if rec == nil || c == nil || rec.request != nil || x.bodyDone {
		return
	}
	rec.request, rec.kept = x.proxy.recorder.Account().NewCapture(x.route.Records.Terms.RequestBody+record.Lookahead), true
	_, _ = rec.request.Write(x.body) // never fails
	c.capture = rec.request
}

// arriving is the request's body on its way; nil: it has none.
func (x *exchange) arriving() *countedBody {
	c, _ := x.stream.(*countedBody)
	return c
}

// heldRequest is what is held of the request's body.
func (x *exchange) heldRequest() []byte {
	if x.answered {
		return x.sent
	}
	return x.body
}

// keepRequest copies what is held of the request's body, before others get the buffer.
func (x *exchange) keepRequest() {
	rec := x.recording
	if rec == nil || rec.kept {
		return
	}
	rec.kept = true
	if held := x.heldRequest(); len(held) > 0 {
		rec.request = x.proxy.recorder.Account().NewCapture(x.route.Records.Terms.RequestBody + record.Lookahead)
		_, _ = rec.request.Write(held) // never fails
	}
}

// wanted asks whether the transaction is recorded, by what has become of it so far.
func (x *exchange) wanted(v inspect.Verdict, found *waf.Findings, status int) bool {
	why := x.route.Records.ByOutcome(v, max(found.InboundScore, found.OutboundScore), status)
	switch {
	case x.recording != nil:
		x.recording.why |= why
	case why != 0:
		x.recording = &recording{why: why}
	}
	return x.recording != nil
}

// captureResponse has the body of a response captured that is about to go to the client, if it is wanted by now. What
// was held of the request is given back soon.
func (x *exchange) captureResponse() {
	r := x.records()
	if r == nil {
		return
	}
	found := &waf.Findings{}
	if r.Scores() && x.call == nil && x.up.Response.Body.Trailers == nil { // else there is more to inspect
		x.inspection.Answered(x.response.Status)
		found = &x.inspection.End().Findings
	}
	if !x.wanted(x.outcome.Verdict, found, x.response.Status) {
		return
	}
	x.keepRequest()
	x.recording.response = x.proxy.recorder.Account().NewCapture(r.Terms.ResponseBody + record.Lookahead)
	x.responseBody.capture = x.recording.response
}

// Costs of a record beside its bodies, roughly.
const (
	recordCost      = 2 << 10
	recordFieldCost = 48
)

func weightOf(fields message.Fields) (n int64) {
	for i := range fields {
		n += int64(len(fields[i].Name)+len(fields[i].Value)) + recordFieldCost
	}
	return n
}

// record gives the recorder what there is of a transaction that is wanted.
func (x *exchange) record(report *inspect.Report, took time.Duration, in, out int64) {
	r := x.records()
	if r == nil {
		return
	}
	found := &report.Findings
	if c := x.call; c != nil && len(c.found.Matches) > 0 { // when both directions are over
		found = &c.found
	}
	defer func() {
		if rec := x.recording; rec != nil {
			rec.request.Free()
			rec.response.Free()
		}
		if x.call != nil {
			for d := range x.call.kept {
				x.call.kept[d].capture.Free()
			}
		}
	}()
	if !x.wanted(x.outcome.Verdict, found, x.response.Status) {
		return
	}
	x.keepRequest()
	request, withheld := x.recordedRequest(report, in), x.recordedWithheld()
	response := x.recordedResponse(report, out)
	weight := recordCost + int64(len(x.view.Target)) + weightOf(x.view.Fields) + weightOf(x.response.Fields) + bodyWeight(request) + bodyWeight(response)
	if withheld {
		weight += weightOf(x.up.Response.Fields) + int64(min(len(x.body), r.Terms.ResponseBody+record.Lookahead))
	}
	if x.call != nil {
		weight += x.keptWeight()
	}
	for i := range found.Matches {
		weight += int64(len(found.Matches[i].Message)) + recordFieldCost
		if targets := found.Matches[i].Targets; len(targets) > 0 {
			weight += int64(len(targets[0].Value) + len(targets[0].Around))
		}
	}
	if !x.proxy.recorder.Offer(weight, &r.Terms) {
		return
	}
	one := newRecord(&subject{x.started, x.id, x.snapshot, x.route, &x.view, x.traced}, x.recording.why, &x.outcome, found)
	one.Request.Body = request
	one.AccessRule, _ = x.asking.told()
	one.Response = &record.Response{
		Status: x.response.Status, Reason: x.response.Reason, Protocol: x.view.Protocol, Headers: recordedFields(x.response.Fields), By: x.answeredBy(), Body: response,
	}
	if withheld {
		one.Withheld = x.withheld(report, r.Terms.ResponseBody+record.Lookahead)
	}
	if c := x.call; c != nil {
		x.recordCall(one, c)
	}
	if x.pool != nil {
		one.Upstream, one.Endpoint, one.Attempts = x.pool.ID(), x.up.Endpoint, 1+x.up.Again
	}
	one.UpstreamDuration, one.Duration, one.BytesIn, one.BytesOut = x.upstreamed, took, in, out
	x.proxy.recorder.Give(one, &r.Terms, weight)
}

// looked is how many bytes of a body rules were shown.
func looked(l *inspect.Looked) int64 { return int64(l.All + l.Partly) }

func bodyWeight(b *record.Body) int64 {
	if b == nil {
		return 0
	}
	return int64(cap(b.Bytes))
}

// newRecord is a record with what is known of every transaction.
func newRecord(about *subject, why snapshot.Reasons, o *inspect.Outcome, found *waf.Findings) *record.Record {
	r, v := about.route, about.view
	one := &record.Record{
		Time: about.began, RequestID: about.requestID, Generation: about.snapshot.Generation, Route: r.Config.ID, Policy: r.Policy.ID, Mode: string(r.Policy.Mode),
		Why: why.Words(), Client: record.Address{IP: v.client.String()},
		Request: &record.Request{
			Method: v.Method, Target: v.Target, Protocol: v.Protocol, Host: v.Host, Headers: recordedFields(v.Fields),
		},
		Verdict: o.Verdict.String(), Coverage: o.Coverage.Label.String(), CoverageReason: o.Coverage.Reason.String(), Error: o.Failure.Word,
		Phase: found.Verdict.Phase, RuleID: found.Verdict.RuleID, Rules: recordedRules(found),
	}
	if r.Policy.Mode != config.ModeOff {
		one.Score = &record.Score{
			Inbound: found.InboundScore, InboundThreshold: r.Policy.Thresholds.Inbound,
			Outbound: found.OutboundScore, OutboundThreshold: r.Policy.Thresholds.Outbound,
		}
	}
	if v.client == v.Peer.Addr() {
		one.Client.Port = int(v.Peer.Port())
	}
	if v.Local.IsValid() {
		one.Server = record.Address{IP: v.Local.Addr().String(), Port: int(v.Local.Port())}
	}
	if t := v.told(); t.Version != "" {
		one.TLS = &record.TLS{Version: t.Version, ServerName: t.ServerName, Client: t.Client, ClientSHA256: t.SHA256}
	}
	return one
}

func recordedRules(found *waf.Findings) []record.Rule {
	told := toldRules(found)
	rules := make([]record.Rule, len(told))
	for i := range told {
		rules[i] = record.Rule(told[i])
	}
	return rules
}

func recordedFields(fields message.Fields) []record.Field {
	out := make([]record.Field, len(fields))
	for i := range fields {
		out[i] = record.Field(fields[i])
	}
	return out
}

// recordedRequest is the request's body.
func (x *exchange) recordedRequest(report *inspect.Report, in int64) *record.Body {
	c := x.arriving()
	if c == nil {
		if x.view.Body.Stream == nil {
			return nil
		}
		return &record.Body{LeftOut: record.LeftUnrd, Unended: true, Size: in} // answered before anybody read it
	}
	b := &record.Body{Size: in, Unended: !c.ended(), Inspected: looked(&report.Request)}
	if b.Bytes, b.Cut = x.recording.request.Bytes(); b.Cut == "" && int64(len(b.Bytes)) < in {
		if b.Cut = record.CutLate; len(b.Bytes) == 0 {
			b.LeftOut = record.CutLate
		}
	}
	if x.call != nil {
		b.Inspected += x.call.inspected()[metrics.Requests]
	}
	return b
}

// answeredBy tells who has made the response.
func (x *exchange) answeredBy() string {
	if x.passedOn {
		return "upstream"
	}
	return "tier"
}

// recordedResponse is the body that the client was sent.
func (x *exchange) recordedResponse(report *inspect.Report, out int64) *record.Body {
	switch {
	case !x.passedOn:
		if b := x.response.Body.Bytes; len(b) > 0 { // a page of the tier, which nobody writes to
			return &record.Body{Bytes: b, Size: out}
		}
		return nil
	case x.responseBody.r == nil: // there was none
		return nil
	}
	b := &record.Body{Size: out, Inspected: looked(&report.Response), Unended: x.streams && !x.responseBody.ended(x.response.Body.Length)}
	if x.call != nil {
		b.Inspected += x.call.inspected()[metrics.Responses]
	}
	if x.recording.response == nil {
		b.LeftOut = record.CutLate
		return b
	}
	b.Bytes, b.Cut = x.recording.response.Bytes()
	return b
}

// recordedWithheld reports whether an application has answered, and the client got another response.
func (x *exchange) recordedWithheld() bool { return !x.passedOn && x.up.Response.Status != 0 }

// said is the head of what the application has said.
func (x *exchange) said() *record.Response {
	r := &x.up.Response
	return &record.Response{Status: r.Status, Reason: r.Reason, Headers: recordedFields(r.Fields), By: "upstream"}
}

// withheld is what the application has said.
func (x *exchange) withheld(report *inspect.Report, limit int) *record.Response {
	w := x.said()
	if x.responseBody.prefixed && len(x.body) > 0 {
		w.Body = &record.Body{Bytes: slices.Clone(x.body[:min(len(x.body), limit)]), Size: int64(len(x.body)), Inspected: looked(&report.Response)}
		w.Body.Unended = len(x.body) > x.route.Inspect.ResponseLimit || x.outcome.Failure != inspect.Failure{} // nobody has read on
		if len(x.body) > limit {
			w.Body.Cut = record.CutLimit
		}
	}
	return w
}

// recordCall adds what is particular about a call: the fields behind its bodies, an answer's message that the client did not
// get, and, if it was not known from the beginning that the call is recorded, the message that it is recorded for.
func (x *exchange) recordCall(one *record.Record, c *call) {
	one.Request.Trailers, one.Response.Trailers = recordedFields(c.requests.trailers), recordedFields(c.responses.trailers)
	if m := &c.kept[metrics.Requests]; m.capture != nil && late(one.Request.Body) {
		one.Message, one.Request.Body = grpcMessage, m.body()
	}
	switch m := &c.kept[metrics.Responses]; {
	case m.capture == nil:
	case m.stopped:
		one.Withheld = x.said()
		one.Withheld.Body = m.body()
	case late(one.Response.Body):
		one.Message, one.Response.Body = grpcMessage, m.body()
	}
}

// grpcMessage says that a body of a record is one message of a call.
const grpcMessage = "grpc"

// late reports whether a body has gone by before anybody knew that it would be recorded.
func late(b *record.Body) bool { return b != nil && b.LeftOut != "" }

// keptMessage is the message of a direction that was stopped, else the first that did not pass. Without a capture there was none, or
// nobody records it.
type keptMessage struct {
	capture *record.Capture
	size    int64
	stopped bool
}

// keptWeight is what messages that are kept add to a record.
func (x *exchange) keptWeight() (n int64) {
	for d := range x.call.kept {
		m := &x.call.kept[d]
		b, _ := m.capture.Bytes()
		n += int64(len(b))
		if m.stopped && d == int(metrics.Responses) {
			n += weightOf(x.up.Response.Fields)
		}
	}
	return n
}

func (m *keptMessage) body() *record.Body {
	b := &record.Body{Size: m.size, Inspected: m.size}
	held, cut := m.capture.Bytes()
	b.Bytes, b.Cut = slices.Clone(held), cut
	return b
}

// keepMessage keeps a message that does not pass, if the route records anything.
func (c *call) keepMessage(d metrics.Direction, held []byte, stopped bool) {
	r := c.route.Records
	if r == nil || c.proxy.recorder == nil || len(held) == 0 {
		return
	}
	limit := r.Terms.RequestBody
	if d == metrics.Responses {
		limit = r.Terms.ResponseBody
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if m := &c.kept[d]; m.capture == nil || stopped && !m.stopped {
		m.capture.Free()
		*m = keptMessage{c.proxy.recorder.Account().NewCapture(limit + record.Lookahead), int64(len(held)), stopped}
		_, _ = m.capture.Write(held) // never fails
	}
}

// record gives the recorder a message of a WebSocket, if what has become of it is wanted.
func (m *messages) record(began time.Time, o *inspect.Outcome, found *waf.Findings, text []byte) {
	r := m.route.Records
	if r == nil || m.proxy.recorder == nil {
		return
	}
	why := r.ByOutcome(o.Verdict, max(found.InboundScore, found.OutboundScore), 0)
	kept := text[:min(len(text), r.Terms.RequestBody+record.Lookahead)]
	weight := recordCost + int64(len(m.view.Target)+len(kept)) + weightOf(m.view.Fields)
	if why == 0 || !m.proxy.recorder.Offer(weight, &r.Terms) {
		return
	}
	one := newRecord(&subject{began, m.id, m.snapshot, m.route, &m.view, m.traced}, why, o, found)
	one.Message, one.Duration, one.BytesIn = "websocket", time.Since(began), int64(len(text))
	one.Request.Body = &record.Body{Bytes: slices.Clone(kept), Size: int64(len(text)), Inspected: int64(len(text))}
	if len(kept) < len(text) {
		one.Request.Body.Cut = record.CutLimit
	}
	m.proxy.recorder.Give(one, &r.Terms, weight)
}

// warnUnrecorded tells of records that go nowhere.
func (p *Proxy) warnUnrecorded(c *config.Routes) {
	if len(c.Records) > 0 && p.recorder == nil {
		p.log.Warn().Int("records", len(c.Records)).Msg("nothing is recorded: the boot file does not say where records go (records.file or records.sink)")
	}
}
