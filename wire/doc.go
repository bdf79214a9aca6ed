// Package wire is what clients may send on a connection. It stands between the socket and a
// server that reads from a net.Conn, and lets that server read only bytes that form HTTP/1
// requests with one meaning: strictly framed, within limits, in time.
//
// # What is let through
//
// Requests of HTTP/1.0 and HTTP/1.1 (RFC 9112) without the parts of the grammar that readers
// disagree on. Lines end with CRLF, names are tokens, nothing is folded, a field that may occur
// once does, a length is digits, the only transfer coding is chunked and comes without a length,
// chunks are framed exactly. Everything else is a [Violation] with a status to answer and a
// reason to count; testdata/requests has an example of each rule. Bytes of a head are withheld
// until the head is whole and valid, so the server never sees part of a bad one.
//
// What is let through is let through as it came, with two exceptions: an empty line in front of
// a request is dropped, and so are the trailer fields and the extensions of the last chunk, which
// nobody inspects. Chunk framing is left to the server. A body that ends early is an error, never
// an end.
//
// A Read returns bytes of one request. A server that flushes before it reads has thus sent an
// response before it sees the next request.
//
// # Time
//
// Deadlines belong to the connection, which knows what it waits for: the next request (Idle; the
// end of it is silent), the rest of a head (HeadTimeout), the next bytes of a body, room for an
// response. How time is kept is the business of package socket: transfers may take for ever, but
// not stand still.
//
// The server's own deadlines are ignored until [Conn.Pass]: one for a whole request would cut
// uploads that are slow and honest, and one that is renewed with every byte would cut nothing.
// What ends a connection is Close, which may come from any goroutine and ends a Read. fasthttp's
// Server needs ReadTimeout, WriteTimeout and IdleTimeout to be zero, so that it sets none, and a
// ReadBufferSize above Options.HeadBytes.
//
// # What it leaves to others
//
// The size of bodies and the meaning of fields, which belong to routes; TLS; HTTP/2, which is
// refused with a reason of its own.
//
// # Memory and concurrency
//
// Requests are judged in the server's buffer, where they are read to, and bodies are not copied.
// A connection has memory of its own, 4 KiB from a pool, only while it holds bytes that the
// server cannot have yet: an incomplete head, or requests that came before they were asked for.
// It grows to what the limit of a head needs and no further; announced lengths allocate nothing.
// So an idle connection costs its [Conn], about half a KiB (TestIdleMemory), besides what the
// socket and the server need.
//
// A Listener is safe for concurrent use. Of a Conn, Read and Pass belong to one goroutine, Write
// may run in another one, and Close in any. Slices given to Read and Write are not kept, but Read
// uses the whole of its one as scratch space.
package wire
