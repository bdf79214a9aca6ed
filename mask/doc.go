// Package mask knows what is secret in what a tier tells about traffic, and what stands in its place.
//
// A [Policy] says so for everything that leaves the process: events, records, traces, the log, explanations and
// the admin listener. The zero policy, a nil pointer, is always in force; what an operator adds makes more secret,
// never less. A policy decides by name (of a field, a header field, a cookie, a place in JSON), by form (payment
// cards, web tokens, keys of known services, credentials of a scheme) and by patterns that the operator gives.
//
// With a key the placeholder carries a keyed hash, so that who has no key learns nothing and who investigates
// sees that two requests held the same value.
//
// The work that a text can cause is linear in its length, and text in which nothing is secret costs no allocation.
// A Policy never changes and is safe for concurrent use.
package mask
