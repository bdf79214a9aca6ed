// Package http1 listens for HTTP/1: package wire lets strictly framed requests through, fasthttp's server
// parses them, and what answers sees neither: it gets a [listen.Client] with a neutral request, and
// gives it a neutral response. fasthttp is fast because it trusts its input and shares its
// buffers; here is the only place that knows it on this side.
//
// The head of a request is copied once, into one string, before anybody looks at it: fasthttp overwrites
// its memory with the next request, while rules, events and streamed responses outlive the handler. Only
// RequestURI, Method, Protocol, RawHeaders and ContentLength are asked of it: its other accessors
// re-encode what they return, or change what is forwarded.
//
// A Server is safe for concurrent use.
package http1
