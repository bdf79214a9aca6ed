// Package syslog brings events to a syslog server: one message of RFC 5424 for each, over TCP with octet counting
// (RFC 6587, RFC 5425 by TLS) or UDP (RFC 5426).
//
// Syslog has no answers. Over TCP a batch counts as sent once the system at the other end has acknowledged its last byte
// on a connection that is whole; what its process had not read from its system when it died is lost, and nobody can
// tell. Over UDP nobody can tell anything.
package syslog
