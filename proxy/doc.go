// Package proxy is the join: it carries every request through the snapshot it began with.
//
// One request's journey is in exchange.go, from top to bottom. What the other packages know only as
// types of their own (routes, engines, pools, events, counters) is bound together here, so that a
// request resolves nothing by name. It speaks messages, and knows no HTTP library: a listener
// fills the request and sends the response ([listen.Client]).
//
// A [Proxy] is safe for concurrent use. Strings of a message may be kept; lists of fields and streams end
// with the exchange.
package proxy
