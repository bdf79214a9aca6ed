package proxy

import (
	"encoding/base64"
	"errors"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/wafer-waf/wafer/grpc"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/snapshot"
	"github.com/wafer-waf/wafer/trace"
	"github.com/wafer-waf/wafer/upstream"
	"github.com/wafer-waf/wafer/waf"
)

// A call of gRPC is an exchange whose bodies are messages, each of which is inspected by itself and passed on
// before the next one is there: a stream may go on for hours, and either side may wait for what the other says.
// The first message of a client that sends all before it listens is awaited and inspected together with the head.
// Of HTTP/2 any exchange may have fields behind its bodies, which are inspected as those of calls are.

// call is what an exchange has beside for messages, and for fields behind its bodies.
type call struct {
	proxy    *Proxy
	snapshot *snapshot.Snapshot[*route]
	route    *route
	id       string
	view     view           // of the head
	traced   *trace.Request // nil: it is not
	client   listen.Client

	requests, responses flow
	upstream            string       // id
	response            waf.Response // the head of the response, as rules see it with each message

	unlimit  func() // ends the limit of the call's time; nil: there is none
	answered bool   // in the place of the application

	mu       sync.Mutex
	outcome  inspect.Outcome           // what has come of the messages so far, both ways
	stopped  bool                      // by the outcome
	found    waf.Findings              // in the last message that did not pass
	apart    [metrics.Directions]int64 // bytes of messages that were inspected
	kept     [metrics.Directions]keptMessage
	reported map[int]bool // rules of messages that passed which an event has named already
}

// form is how the request's body holds messages, if it does.
func (x *exchange) form() grpc.Form {
	if x.view.Method != http.MethodPost {
		return grpc.None
	}
	return grpc.FormOf(x.view.Fields.Get("Content-Type"))
}

// messages reports whether the request's body is made of messages that are read as such.
func (x *exchange) messages() bool { return x.call != nil && x.call.requests.form != grpc.None }

// beginCall makes the exchange a call, if it is one, or has fields behind its body, and there is something to inspect.
func (x *exchange) beginCall() {
	form := x.form()
	if x.inspection.Going() && (form != grpc.None || x.view.Body.Trailers != nil) {
		x.newCall(form)
	}
}

func (x *exchange) newCall(form grpc.Form) {
	v := x.view
	v.hops, v.Fields = nil, slices.Clone(v.Fields) // theirs is scratch
	c := &call{proxy: x.proxy, snapshot: x.snapshot, route: x.route, id: x.id, view: v, traced: x.traced, client: x.client, reported: map[int]bool{}}
	c.requests = flow{
		call: c, direction: metrics.Requests, form: form, coding: v.Fields.Join("Grpc-Encoding"),
		place: x.place, shown: x.shownRequest, from: x.stream, source: v.Body.Trailers,
	}
	if form != grpc.None {
		c.requests.limit, c.requests.inspects = x.inspection.WantsRequestBody()
	}
	if form == grpc.WebText && x.stream != nil {
		c.requests.from = grpc.NewTextReader(x.stream)
	}
	c.requests.shown.Headers = slices.Clone(c.requests.shown.Headers)
	x.call = c
}

// inspectCall has what there is of a call's request inspected before it is forwarded: its head and, of a client that
// sends all before it listens, its first message.
func (x *exchange) inspectCall() bool {
	f := &x.call.requests
	if x.stream != nil && f.inspects && (x.view.Protocol != message.HTTP20 || x.view.Body.Length >= 0) {
		f.first = &x.inspection
		err := f.advance()
		awaited := f.first == nil
		f.first = nil
		switch {
		case awaited && !x.obey(f.firstOutcome):
			return false
		case err != nil && !f.atEnd():
			return x.callFailed(err)
		case awaited:
			x.bodyDone = f.source == nil && x.view.Body.Length >= 0 && f.rest == 0 && x.stream.(*countedBody).n == int64(x.view.Body.Length) && f.drained()
			return true
		}
		x.bodyDone = f.atEnd() // without a message
	}
	return x.obey(x.inspection.RequestBody(inspect.Body{Ended: true}))
}

// callBody is the body of a call's request as it goes on.
func (x *exchange) callBody() message.Body {
	f := &x.call.requests
	if x.bodyDone {
		return message.Body{Bytes: append(empty, f.out...)} // not nil
	}
	length := x.view.Body.Length
	if f.form == grpc.WebText {
		length = -1 // each message is encoded anew
	}
	return message.Body{Stream: f, Length: length, Trailers: f.behind}
}

// askOn sends the request of a call while its response is received.
func (x *exchange) askOn() {
	x.up.Trailers = x.view.Protocol == message.HTTP20
	if x.messages() && x.up.Trailers && !x.bodyDone {
		client := x.client // which may be asked when the exchange is over
		client.Converse()
		x.up.StopBody = func() { client.GiveUp(unasked) }
	}
}

// unasked ends the reading of a request that its application has answered.
var unasked = &listen.Violation{Status: http.StatusServiceUnavailable, Reason: "answered"}

// limitStream ends a call whose client waits no longer, in the middle of its response.
func (x *exchange) limitStream() {
	t, ok := grpc.ParseTimeout(x.view.Fields.Get(grpc.TimeoutField))
	if !ok || x.up.Response.Body.Trailers == nil { // which HTTP/1 has not: its connection cannot be closed while it is read
		return
	}
	c, body, done := x.call, x.up.Body, make(chan struct{})
	timer := time.AfterFunc(time.Until(x.started.Add(t)), func() {
		defer close(done)
		c.stop(inspect.Outcome{}.Refuse(inspect.Failure(upstream.TimedOut)))
		_ = body.Close()
	})
	c.unlimit = func() {
		if !timer.Stop() {
			<-done
		}
	}
}

// callFailed answers a call whose request could not be read, or was stopped. It reports false.
func (x *exchange) callFailed(err error) bool {
	if !errors.Is(err, errStopped) {
		return x.bodyFailed(err)
	}
	head := x.outcome
	x.obey(x.call.verdict())
	x.outcome, x.call.answered = head, true // of the head events tell apart from the messages
	x.client.Close()
	return false
}

// inspectEnd has the fields behind a body inspected that was read whole.
func (x *exchange) inspectEnd() bool {
	if x.call == nil || !x.bodyDone || x.stream == nil {
		return true
	}
	if err := x.call.requests.ends(); errors.Is(err, errStopped) {
		return x.callFailed(err)
	}
	return true
}

// errStopped ends a stream of messages of which one was stopped.
var errStopped = errors.New("message stopped by its inspection")

// stop ends both directions.
func (c *call) stop(o inspect.Outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stopped {
		c.stopped, c.outcome = true, o
	}
}

// verdict is what has come of the call's messages so far.
func (c *call) verdict() inspect.Outcome {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.outcome
}

func (c *call) isStopped() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopped
}

// add adds what has come of one message.
func (c *call) add(o *inspect.Outcome) {
	if o.Stops() {
		c.stop(*o)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	join(&c.outcome, o)
}

// join adds the outcome of a part to that of the whole. What stops is kept, what would have is worth more than what
// passes, and of a whole of which a part was not inspected not all was.
func join(whole, part *inspect.Outcome) {
	label := whole.Coverage
	if part.Coverage.Label != inspect.Full && label.Label == inspect.Full {
		label = inspect.Coverage{Label: inspect.Partial, Reason: part.Coverage.Reason}
	}
	if !whole.Stops() && part.Verdict != inspect.Pass && (whole.Verdict == inspect.Pass || part.Stops()) {
		*whole = *part
	}
	whole.Coverage = label
}

// account ends a message's inspection, reports and counts.
func (c *call) account(began time.Time, i *inspect.Inspection, o *inspect.Outcome) {
	report := i.End()
	if o.Err != nil {
		c.proxy.engineFailed(o.Err, c.id, c.route)
	}
	if report.Err != nil {
		c.proxy.log.Error().Err(report.Err).Str("request_id", c.id).Msg("engine failed after the verdict")
	}
	if o.Verdict != inspect.Pass || c.tellsMore(&report.Findings) {
		c.proxy.reportFindings(&subject{began, c.id, c.snapshot, c.route, &c.view, c.traced}, o, &report.Findings, http.StatusOK)
	}
	c.route.Metrics.Inspected(report)
	c.count(report)
	if o.Verdict != inspect.Pass {
		c.mu.Lock()
		c.found = report.Findings
		c.mu.Unlock()
	}
	c.add(o)
}

// count counts the bytes of a message that was inspected.
func (c *call) count(r *inspect.Report) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.apart[metrics.Requests] += int64(r.Request.All + r.Request.Partly)
	c.apart[metrics.Responses] += int64(r.Response.All + r.Response.Partly)
}

// inspected is how many bytes of messages were inspected each by itself.
func (c *call) inspected() [metrics.Directions]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.apart
}

// tellsMore reports whether a message that passes has matched a rule that no event of this call has named. What
// matches in the head matches again with every message.
func (c *call) tellsMore(f *waf.Findings) (more bool) {
	if len(f.Matches) == 0 {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range f.Matches {
		if id := f.Matches[i].RuleID; !c.reported[id] {
			c.reported[id], more = true, true
		}
	}
	return more
}

// joinCall adds what has come of the messages to the outcome, and gives back what the call holds.
func (x *exchange) joinCall() {
	c := x.call
	if c == nil {
		return
	}
	if c.unlimit != nil {
		c.unlimit()
	}
	c.requests.close()
	c.responses.close()
	o := c.verdict()
	if o.Verdict == inspect.Refused && !c.answered && o.Failure != inspect.Failure(upstream.Malformed) { // of which upstreams are told
		x.proxy.metrics.Refused(o.Failure.Word)
	}
	join(&x.outcome, &o)
}

// fair is how long an endpoint has to have been silent for it to be its own fault that a deadline has passed: half of the route's limit. What
// is shorter the client has brought about, by a limit of its own or by sending slowly.
func fair(limit time.Duration) time.Duration {
	if limit == 0 {
		return math.MaxInt64
	}
	return limit / 2
}

// deadline is when a request that began then has to be answered: the route's limit, or a client's that is shorter.
func (x *exchange) deadline() time.Time {
	limit := x.route.Config.Timeouts.Request
	if x.form() != grpc.None {
		if t, ok := grpc.ParseTimeout(x.view.Fields.Get(grpc.TimeoutField)); ok && (limit == 0 || t < limit) {
			return x.started.Add(t)
		}
	}
	if limit == 0 {
		return time.Time{}
	}
	return x.started.Add(limit)
}

// binaryFields are what the fields say that libraries of gRPC decode before an application reads them: those whose
// names end in "-bin".
func binaryFields(fields message.Fields) (decoded message.Fields) {
	const suffix = "-bin"
	for i := range fields {
		f := &fields[i]
		if n := len(f.Name) - len(suffix); n < 0 || !strings.EqualFold(f.Name[n:], suffix) {
			continue
		}
		for value := range strings.SplitSeq(f.Value, ",") {
			value = strings.TrimRight(strings.Trim(value, " \t"), "=")
			if b, err := base64.RawStdEncoding.DecodeString(value); err == nil && readable(b) {
				decoded = append(decoded, message.Field{Name: f.Name, Value: string(b)})
			}
		}
	}
	return decoded
}

// readable makes of bytes a text, with spaces for what is none, and reports whether that makes sense: few of them are none.
func readable(b []byte) bool {
	odd := 0
	for i, c := range b {
		if c < ' ' || c == 0x7f {
			b[i] = ' '
			odd++
		}
	}
	return len(b) > 0 && 7*odd <= len(b) && utf8.Valid(b)
}
