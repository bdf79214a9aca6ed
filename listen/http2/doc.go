// Package http2 listens for HTTP/2. The standard library's server has the streams: their states, windows,
// order and ends, and writes responses. What it would do with the head of a request is not good enough for
// a firewall: it answers some bad ones itself, drops the order of fields, and resets streams without a word
// to anybody. So it never sees one.
//
// Between it and the connection, [conn] goes through the frames that come in. Those of a head are decoded
// here, once, and judged as package wire judges heads of HTTP/1: the result is a [message.Request], or a
// violation. The server gets a head in their place that says which stream it is and how long the body
// will be, and nothing else; all other frames go on as they came. A head that is no request becomes one
// that the server resets the stream for, so that every error is the server's to carry out.
//
// What costs more than it is good for is counted where it passes ([allowance]): heads in many frames, resets,
// and frames that carry nothing. A client that sends too many of them loses its connection. What the
// server writes is looked at, too, for what it resets, and so that a last GOAWAY stands between frames.
//
// # Time
//
// A frame that has begun has to come to its end: a head within the time for heads, data at the pace of
// bodies. Between frames it is the streams that are waited for: each body has a pace of its own, and so has
// each response, for which the client has to open its windows ([pacer]).
//
// # Memory and concurrency
//
// Of a request's body a client may have sent as much as its windows are before anybody reads it. A Server
// is safe for concurrent use. Requests of one connection are answered in goroutines of their own.
package http2
