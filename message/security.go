package message

import (
	"crypto/x509"
	"net/netip"
	"time"
)

// Security is what TLS says of the connection on which a request came. Its requests share one, which
// nobody changes.
type Security struct {
	ServerName string // the name that the client has asked for, in lower case; empty: none
	Version    string // "TLS 1.3"
	Cipher     string // as the registry of IANA names it
	ALPN       string // the protocol that both have agreed on; empty: none was offered, or none was shared

	// Client is the client's verified identity; nil if it has none, or none that was verified.
	Client *ClientCertificate

	// Terms are what the certificate of the client was asked and verified under: a value that listeners
	// and routes compare, and nobody reads.
	Terms any
}

// ClientCertificate is who a client has proved to be.
type ClientCertificate struct {
	Subject string // the whole name, as RFC 2253 writes it
	CN      string // the common name in it
	DNS     []string
	URIs    []string // SPIFFE ids among them
	Emails  []string
	IPs     []netip.Addr

	SHA256   string // of the certificate, in hex
	SPKI     string // SHA-256 of its public key with the algorithm (SubjectPublicKeyInfo), in hex
	Serial   string // in hex
	NotAfter time.Time

	// Chain is what the client has sent, its own certificate first.
	Chain []*x509.Certificate
}
