// Package screen proves most requests clean in microseconds.
//
// [Compile] makes of the very SecLang text that Coraza gets for a policy a [Screen]. A [Run]
// of it looks at one request, and at the response to it, and says after each phase whether it
// is clean so far. Clean means: Coraza with the same policy would not interrupt, and would
// match no rule that logs, scores, or changes what later rules see. Everything else is for
// Coraza to decide, from the beginning, without the rules that [Run.RuledOut] yields; the screen itself never blocks, scores or logs. It
// may be wrong in one direction only, and whatever it does not understand it takes for a
// match, or for a policy that has no screen. docs/screen.md has the argument.
//
// How, in the order of the files: fold.go evaluates rules that no request decides and leaves
// the rest; order.go decides what makes a rule of the rest worth a look, mostly one value that
// satisfies a condition which the rule implies; index.go compiles these conditions for all
// values of a kind together; run.go takes a request's values through the index, and the few
// rules that are left through eval.go, which runs them the way Coraza does; narrow.go says which rules
// Coraza may leave out where something was found.
//
// It does not read HTTP, knows nothing of verdicts, and does not know Coraza either: that both
// agree is what the tests of the parent package show.
//
// A Screen is immutable but for a bounded cache and the states its matchers have learned, and
// safe for concurrent use.
package screen
