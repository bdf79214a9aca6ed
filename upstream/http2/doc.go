// Package http2 asks endpoints by HTTP/2: one connection, on which many requests are under way at once, each a
// stream of its own.
//
// It speaks in frames and HPACK of golang.org/x/net, and in messages to its caller: a request goes out as it was built, its
// fields in their order, and a response is read as strictly as one of HTTP/1 is (RFC 9113, 8.1.1). A malformed
// response costs its stream, a broken connection all of them. A stream that the endpoint has not looked at fails with
// [ErrUnprocessed], so that the caller may ask anew.
//
// It leaves to others: opening connections and how many there are, when a write has waited for too long, which is the
// socket's business, and what a failure means for the client.
//
// # Memory and concurrency
//
// A Conn is safe for concurrent use. What an endpoint sends ahead of its reader is bounded for each stream by its window,
// [Window]; the window of the connection never holds a stream up for another one. A [Body] belongs to one goroutine,
// but Close may come while Read waits, and ends it.
package http2
