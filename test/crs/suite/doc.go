// Package suite reads the regression tests that come with the OWASP Core Rule Set: each is a
// request, as it goes over the wire, and what the rules have to say about it. It belongs to
// tests and load scenarios.
//
// What it returns is the caller's own; there is no state.
package suite
