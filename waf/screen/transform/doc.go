// Package transform has the transformations of SecLang (the "t:" actions), byte for byte as Coraza
// v3.8.1 performs them, without its allocations.
//
// The screen concludes from transformed values that no rule of Coraza can match, so a result that
// differs from Coraza's in one byte would be a hole. Therefore quirks are kept, not repaired:
// normalizePath turns "/" into "//", removeComments leaves a NUL where a comment ends the value,
// htmlEntityDecode reports no change when entities happen to keep the length. The tests compare
// every transformation, and every chain of the Core Rule Set, with Coraza itself.
//
// Most transformations leave most values alone. [Transformation.Touches] says which bytes a
// value must hold to be changed at all, so that who knows the bytes of a value need not call
// Apply. What else is known of a transformation without calling it stands beside its name in
// names.go, and a test holds it against the function: to add a transformation, write the
// function and its line there.
//
// What is written goes into a [Buffer] of the caller's, which owns the results until it is reset.
// Transformations and chains are immutable and safe for concurrent use; a Buffer is not. Which
// transformations a rule has, and the meaning of "t:none", is left to the reader of SecLang.
package transform
