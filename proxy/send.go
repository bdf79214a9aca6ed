package proxy

import (
	"slices"

	"github.com/wafer-waf/wafer/message"
)

// respond gives the client its response: the head that stands in x.response, and that body.
func (x *exchange) respond(body message.Body) {
	if x.route != nil && x.route.hsts != "" && x.view.isSecure() {
		r := &x.response
		r.Fields = slices.DeleteFunc(r.Fields, func(f message.Field) bool { return f.Is(hstsField) })
		r.Fields = append(r.Fields, message.Field{Name: hstsField, Value: x.route.hsts})
	}
	if more := x.asking.decision.Fields; more != nil {
		x.response.Fields = append(x.response.Fields, more...)
	}
	x.response.Body = body
	x.client.Respond(&x.response)
	x.streams = body.Stream != nil // only now: who panics with a stream does not close it
}
