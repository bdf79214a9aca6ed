// Package entrance is where connections come in: accepted within limits by package socket, secured if the
// listener has TLS, and given to who speaks their version of HTTP. Which one that is, the client says: by
// ALPN over TLS, and in clear text by its first bytes, since HTTP/2 begins with a line that no request of
// HTTP/1 can be (RFC 9113, 3.4).
//
// Nobody waits for another's first bytes, and HTTP/1 pays nothing for the choice. All connections go to
// its server, and the choice is made in its goroutine, when it reads for the first time. A connection that
// speaks HTTP/2 is handed over then, and the server of HTTP/1 is told that it has ended.
//
// # Memory and concurrency
//
// A Listener is safe for concurrent use. Of a Conn, Read belongs to one goroutine, Write may run in another
// one, and Close in any. An idle connection costs its Conn, besides what the socket and TLS need.
package entrance
