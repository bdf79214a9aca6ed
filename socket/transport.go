package socket

import "net"

// Transport is what the bytes of a client's connection go through: a [Conn], or what is spoken on one, such
// as TLS.
type Transport interface {
	net.Conn
	Socket() *Conn // below it, which keeps the time
}

// Acceptor is where the connections of clients come from.
type Acceptor interface {
	Accept() (Transport, error)
	Addr() net.Addr
	Close() error
}
