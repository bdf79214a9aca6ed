package message

import (
	"io"
	"net/netip"
)

// Protocols, as a request line spells them.
const (
	HTTP10 = "HTTP/1.0"
	HTTP11 = "HTTP/1.1"
)

// Request is what a client asks, or what is asked of an upstream.
type Request struct {
	Method   string
	Target   string // in origin-form, or "*"
	Protocol string
	Host     string // the authority that is asked, as the Host field says; empty if there is none
	Fields   Fields

	// Peer and Local are the two ends of the connection on which a request came.
	Peer, Local netip.AddrPort

	Body io.Reader // nil: there is none
	// Length of Body in bytes, as it was announced; below 0: it was not.
	Length int
}
