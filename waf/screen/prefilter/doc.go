// Package prefilter tells which of several hundred patterns may match a value, in one pass over
// it, so that the others need not be tried.
//
// From each pattern it derives a [Need], a necessary condition made of literals that occur and
// bytes that do: [Regexp] from an expression, [Phrases] and [Contains] from texts. [NewSet]
// compiles the needs of all patterns into automata, one for each of a few alphabets, when a
// value first needs it; [Set.Scan] runs a value through the one of its alphabet, and
// [View.Candidates] lists the patterns whose needs hold. A view of few patterns finds its
// literals itself. The contract is one-sided: a pattern that matches is always listed; one
// that is listed may not match.
//
// What makes it sharp on ordinary values is that patterns are specialized: what an expression
// needs is derived once for each of a few alphabets, each within the next. Within words and
// numbers, an attack pattern that allows quotes between any two letters is a list of plain
// words, and one that needs a bracket is dead. See alphabets and evasion in regexp.go.
//
// The automaton is Wafer's own because packages for it answer another question, where a match
// is, one match after the other. Asked here is which literals and which bytes occur at all, in the
// same pass, with some bytes left out, without allocating.
//
// Needs, sets and views are immutable and safe for concurrent use. A [Scratch] belongs to one
// goroutine. Values are read, not kept.
package prefilter
