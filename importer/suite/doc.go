// Package suite reads the regression tests that come with the OWASP Core Rule Set: each is a
// request, as it goes over the wire, and what the rules have to say about it. They are embedded in
// the module that has the rules, so that the binary carries them, 3 MB, for proofs of what was
// imported; tests and load scenarios read them, too.
//
// What it returns is the caller's own; there is no state.
package suite
