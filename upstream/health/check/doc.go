// Package check asks an endpoint from time to time how it is, by HTTP or by the health protocol of gRPC.
//
// It knows what to ask, when, and what a good answer is. It leaves to others how a request comes to the
// endpoint (Ask: with the TLS and the version of HTTP that requests have) and what follows from the answers
// (package health).
//
// A Checker is not changed once it is made, and may check many endpoints at once.
package check
