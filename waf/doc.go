// Package waf turns a request, and where a policy asks the response to it, into a
// verdict. It is the only owner of Coraza types and of the OWASP Core Rule Set.
//
// It knows no HTTP library: a caller fills a [Request] and a [Response], views made of
// strings that never change, so that any listener, a replay from a file, tests and
// benchmarks drive the same code. What a verdict means for the client (which page, which
// connection is closed) is the caller's business, and so are configuration files, logs
// and metrics.
//
// An [Engine] is slow to build (some 100 ms), immutable, and safe for concurrent use. A
// [Transaction] belongs to one goroutine at a time. What it is given, heads and bodies, is borrowed until
// Finish and must not change meanwhile.
package waf
