// Package proxy is the join: it carries every request through the snapshot it began with.
//
// One request's journey is in exchange.go, from top to bottom. What the other packages know only as types of their own (routes,
// engines, pools, events, counters) is bound together here, so that a request resolves
// nothing by name.
//
// A [Proxy] is safe for concurrent use. Byte slices that belong to fasthttp die when the
// handler returns: what is kept longer is a sub-string of the one copy that view.go makes.
package proxy
