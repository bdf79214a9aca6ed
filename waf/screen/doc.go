// Package screen proves most requests clean in microseconds.
//
// [Compiler.Compile] makes of the very SecLang text that Coraza gets for a policy a [Screen].
// A [Run] of it looks at one request, and at the response to it, and says after each phase
// whether it is clean so far. Clean means: Coraza with the same policy would not interrupt,
// and would match no rule that logs, scores, or changes what later rules see. Everything else
// is for Coraza to decide, from the beginning, without the rules that [Run.RuledOut] yields;
// the screen itself never blocks, scores or logs. It may be wrong in one direction only, and
// whatever it does not understand it takes for a match, or for a policy that has no screen.
// docs/screen.md has the argument, and follows one rule through all of it.
//
// The screen is two programs. One compiles a policy, once: package seclang reads its text,
// package residue leaves the rules that a request decides, and here screen.go joins them,
// index.go, class.go and tables.go compile the conditions of all guards together. The other
// runs for each message: run.go goes through its phases, value.go takes one value through the
// index, in the memory of workspace.go, eval.go evaluates the few rules that are left the way
// Coraza does, cache.go remembers values that were clean, and narrow.go says which rules
// Coraza may leave out where something was found.
//
// It does not read HTTP, knows nothing of verdicts, and does not know Coraza either: that both
// agree is what the tests of the parent package show.
//
// A Screen is immutable but for a bounded cache and the states its matchers have learned, and
// safe for concurrent use.
package screen
