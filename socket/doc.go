// Package socket is a connection that keeps pace, below everything that speaks a protocol on it.
//
// # Time
//
// Whoever reads says what is waited for: something that has to be there by an instant
// ([Conn.ReadBy]), or a transfer that may take for ever but not stand still ([Conn.PaceReads]).
// Waiting for the peer then spends a budget, the longest silence, that bytes refill at the least
// rate, and that never grows beyond its first size. Writes keep a pace too, and may have an end
// besides ([Conn.PaceWrites]). Time that our own side takes is not counted.
//
// Deadlines of the kernel are moved seldom, since moving one costs as much as a small read. One
// that rings too early is set anew and the read or the write goes on, in here: what stands above
// sees a timeout only when it is one. So TLS can stand between this package and HTTP, although
// it cannot survive a write that timed out: it says when to give up here, and speaks through the
// TLS connection ([ADR 18]).
//
// # Connections
//
// [Listener] limits how many connections there are, in all and for each client, reads the PROXY
// protocol from trusted load balancers, survives a shortage of file descriptors, and closes so
// that answers arrive. [New] is for connections that we dial. [Conn.Gone], [Conn.Quiet] and
// [Conn.Waiting] look at what has arrived, and take nothing.
//
// # What it leaves to others
//
// What bytes mean. The answers for those that are not let in are given to it.
//
// # Memory and concurrency
//
// A connection holds memory besides its [Conn] only between a PROXY protocol header and the first
// read behind it. A Listener is safe for concurrent use. Of a Conn, the methods for reads belong to one
// goroutine, those for writes may run in another one; Close, Linger, Interrupt and Gone in any.
// Slices given to Read and Write are not kept.
//
// [ADR 18]: ../docs/adr/0018-sockets-keep-pace-below-http.md
package socket
