// Package dfa tells whether a regular expression matches a string, at a few nanoseconds a byte.
//
// It exists for the screen, which confirms candidates with the pattern of a rule on every value:
// the answer is yes or no, never where, and it has to be the answer of regexp.MatchString for the
// same pattern on every input, invalid UTF-8 included.
//
// A pattern becomes the program of regexp/syntax and a partition of the runes into classes that
// the program cannot tell apart. While strings are matched, sets of instructions become states of a
// deterministic automaton, each the first time that it is needed; from then on a rune costs one
// look into a table. States live in a cache of bounded size. Input that keeps asking for new states
// is matched by stepping through the sets themselves, as regexp does, so that it costs about what
// regexp costs ([ADR 10] has the alternatives).
//
// A Matcher is safe for concurrent use. Reading the table takes no lock, adding to it does. No
// string given to it is kept.
//
// [ADR 10]:
// https://github.com/wafer-waf/wafer/blob/main/docs/adr/0010-a-matcher-of-its-own-for-yes-or-no.md
package dfa
