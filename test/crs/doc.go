// Package crs runs the regression tests of the OWASP Core Rule Set against the running
// binary: every request goes over a socket, through the tier, to a backend, and is judged
// by the rule ids in the tier's own security events. What is not as those tests expect is
// listed in testdata/exceptions.yaml and, for readers, in docs/crs-conformance.md.
//
// The package holds tests only. Nothing in it is called from elsewhere.
package crs
