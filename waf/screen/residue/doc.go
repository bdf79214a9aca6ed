// Package residue leaves of a policy the rules that a request decides.
//
// [Compiler.Compile] reads the rules of a policy in Coraza's order and evaluates what depends
// on no request: set-up rules become constants, rules above the paranoia level disappear,
// macros are filled in. What is left, the residue, are rules whose links have their operators
// compiled, in the form in which package screen looks at requests: each [Rule] says what makes
// it worth a look at all (its guard), whether one value decides it, and whether Coraza may
// leave it out when no value satisfies its guard.
//
// The contract has one direction. A rule may be left that can never match, or said to have an
// effect that it does not have: that costs time. A rule that can match with an effect must be
// left, or the policy must be refused with an error. docs/screen.md follows one rule through
// this package.
//
// The files, in the order in which a rule passes through them: fold.go goes through the rules
// and takes up those that a request decides; link.go compiles a link, with operator.go (and
// regexp.go, phrases.go, compare.go, validate.go for the kinds of operators), target.go,
// macro.go and captures.go; decide.go evaluates a link that depends on no request, over the
// constants of constants.go; effect.go, removal.go and skip.go say what a match does to
// verdicts, to other rules and to the order of rules, and reads.go who reads what is set;
// order.go decides how the screen comes to look at a rule, by the phases of phase.go; traps.go
// adds rules for names of variables that a request makes up; omit.go says which rules may be
// left out.
//
// The package runs nothing while requests are served, but for the operators that it has
// compiled. A Compiler is safe for concurrent use, and so are the rules that it returns, which
// nobody changes.
package residue
