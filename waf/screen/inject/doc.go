// Package inject answers what libinjection answers, for ordinary values without asking it.
//
// [SQLi] and [XSS] report exactly what libinjection's IsSQLi and IsXSS report. Each first looks
// for a proof that the library would say no; only a value without such a proof is handed to it.
// The proof is about the library's own algorithm, of the version that go.mod names:
//
//   - IsXSS (html5.go, xss.go) needs a token of markup that only "<" begins, or the value of an
//     attribute whose name is on its list, which stands before a "=". See xss.go.
//   - IsSQLi (sqli.go) cuts a value into tokens, folds them, and looks the classes of the first
//     five up in a table of fingerprints. Most values are decided by their first two or three
//     tokens, as no fingerprint of the table begins like that. See sqli.go for the argument,
//     lexer.go for tokens, fold.go for folding, and table.go for what is known of the table.
//
// Whatever the proofs do not cover (comments, backslashes, rare quotes, compound SQL phrases)
// is the library's. The tests read the library's source and fail if a newer version knows a
// word or a fingerprint that this package does not.
//
// Functions may be called concurrently and allocate only what the library allocates.
package inject
