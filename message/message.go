package message

import (
	"io"
	"net/netip"
)

// Protocols, as a request line spells them, or would.
const (
	HTTP10 = "HTTP/1.0"
	HTTP11 = "HTTP/1.1"
	HTTP20 = "HTTP/2.0" // which has no request line; rules know it by this name
)

// Request is what a client asks, or what is asked of an upstream.
type Request struct {
	Method   string
	Target   string // in origin-form, or "*"
	Protocol string
	Host     string // the authority that is asked, as the Host field says; empty if there is none
	Fields   Fields
	Body     Body

	// Peer and Local are the two ends of the connection on which a request came.
	Peer, Local netip.AddrPort

	// Security is what TLS says of that connection; nil: it is in clear text.
	Security *Security
}

// Response is what an upstream says to a request, or what a client is told.
type Response struct {
	Status int
	Reason string // the phrase of HTTP/1; empty: the usual one
	Fields Fields
	Body   Body
}

// Body is what follows a head: nothing, bytes that are there already, or a stream, and behind it perhaps
// trailer fields. Those of HTTP/1 are dropped where they are read.
type Body struct {
	Bytes  []byte    // all of it; if not nil, its length is announced even if that is 0
	Stream io.Reader // nil: there is none
	Length int       // of Stream in bytes, as it was announced; below 0: it was not

	// Trailers returns the fields behind the body, once Stream has said io.EOF; nil: there can be none.
	Trailers func() Fields
}
