// Package secure is TLS between a client's socket and what speaks HTTP on it. It owns the certificates of a
// listener, which it reads anew when their files change, the terms under which clients are asked for theirs, the
// keys of session tickets, and the handshake: within a deadline, within a number of bytes, and with so many that
// compute at once, given to the clients that wait in turn.
//
// What a host's routes ask of clients comes from whoever knows the routes, in [Options.Terms]. Who a client is
// says package identity.
//
// A [Listener] is safe for concurrent use, but for Refresh, which one goroutine calls at a time.
package secure
