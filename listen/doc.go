// Package listen is the seam between listeners and what answers requests. A listener speaks a version
// of HTTP on sockets; for each request it fills a [message.Request] and calls a [Handler], which answers
// through a [Client]. Neither knows the other: what is inspected, routed and sent on is the same
// whatever version it came in, and a library that parses bytes is known to its listener alone.
//
// The handler of a request belongs to one goroutine. A Client and its request are valid until the
// handler has returned and the stream of the response, if it has one, is closed. A [Tunnel] lives as
// long as the function that it is given to.
package listen
