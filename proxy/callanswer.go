package proxy

import (
	"io"
	"slices"
	"strconv"

	"github.com/wafer-waf/wafer/grpc"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/metrics"
)

// endCall answers a call in the place of its application, in a head alone: clients of gRPC make of any other status
// than 200 one of their own, and show nobody a page.
func (x *exchange) endCall(status int) {
	r := &x.response
	r.Status, r.Reason = 200, ""
	r.Fields = append(r.Fields[:0],
		message.Field{Name: "Content-Type", Value: x.view.Fields.Get("Content-Type")},
		message.Field{Name: requestIDField, Value: x.id}, message.Field{Name: "Cache-Control", Value: "no-store"})
	r.Fields = append(r.Fields, end(x.outcome.Verdict, status, x.id)...)
	x.respond(message.Body{Bytes: empty})
}

// end is how a call ends that was stopped.
func end(v inspect.Verdict, status int, id string) message.Fields {
	code := grpc.CodeOf(status)
	switch v {
	case inspect.Block, inspect.Redirect, inspect.Drop:
		code = grpc.PermissionDenied
	}
	return grpc.End(code, title(status)+", request id "+id)
}

// farewell is how a call ends that its messages have stopped.
func (c *call) farewell() message.Fields {
	o := c.verdict()
	return end(o.Verdict, o.Status, c.id)
}

// inspectAnswer has the response of a call inspected as far as it is there: its head, which may be all of it.
func (x *exchange) inspectAnswer(form grpc.Form) bool {
	r := &x.up.Response
	if !x.obey(x.inspection.ResponseBody(inspect.Body{Bytes: endText(onlyEnd(r.Fields)), Ended: true})) {
		return false
	}
	if x.up.Body == nil {
		return true
	}
	limit, wants := x.inspection.WantsResponseBody(mediaType(r))
	f := x.flowBack(form, x.up.Body)
	f.inspects, f.limit, f.coding = wants, limit, r.Fields.Join("Grpc-Encoding")
	if form == grpc.WebText {
		f.from = grpc.NewTextReader(x.up.Body)
	}
	x.limitStream()
	return true
}

// flowBack makes the flow of the response.
func (x *exchange) flowBack(form grpc.Form, from io.Reader) *flow {
	c := x.call
	c.upstream, c.response = x.pool.ID(), x.shownResponse
	c.response.Headers = slices.Clone(c.response.Headers)
	c.responses = flow{
		call: c, direction: metrics.Responses, form: form, place: c.requests.place, shown: x.shownRequest,
		from: from, source: x.up.Response.Body.Trailers,
	}
	c.responses.shown.Headers = slices.Clone(c.responses.shown.Headers)
	return &c.responses
}

// answers reports whether the response is made of messages that are read as such.
func (x *exchange) answers() bool { return x.call != nil && x.call.responses.form != grpc.None }

// toEnd is what is read of a response's body, with the fields behind it: they are inspected before anybody gets them.
func (x *exchange) toEnd(body io.Reader) (io.Reader, func() message.Fields) {
	source := x.up.Response.Body.Trailers
	switch {
	case x.answers():
		return &x.call.responses, x.call.responses.behind
	case source == nil || x.view.Protocol != message.HTTP20:
		return body, nil
	case !x.inspection.Going():
		return body, func() message.Fields { return x.proxy.passable(source(), &x.route.Config.ResponseHeaders) }
	case x.call == nil:
		x.newCall(grpc.None)
	}
	f := x.flowBack(grpc.None, body)
	return f, f.behind
}

// onlyEnd are the fields of a head that say how a call has ended, if it has.
func onlyEnd(fields message.Fields) (end message.Fields) {
	for i := range fields {
		if f := &fields[i]; f.Is(grpc.MessageField) || f.Is(grpc.DetailsField) {
			end = append(end, *f)
		}
	}
	return end
}

// callStatus is what the client was told about how its call has ended; empty: nothing, or it was no call.
func (x *exchange) callStatus() string {
	if x.form() == grpc.None {
		return ""
	}
	status := x.response.Fields.Get(grpc.StatusField)
	if status == "" && x.call != nil {
		status = x.call.responses.trailers.Get(grpc.StatusField)
	}
	if _, err := strconv.ParseUint(status, 10, 8); err != nil {
		return ""
	}
	return status
}
