package proxy

import "github.com/wafer-waf/wafer/message"

// respond gives the client its response: the head that stands in x.response, and that body.
func (x *exchange) respond(body message.Body) {
	x.response.Body = body
	x.client.Respond(&x.response)
	x.streams = body.Stream != nil // only now: who panics with a stream does not close it
}
