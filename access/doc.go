// Package access decides who may ask, before anything of a request is inspected: a [Policy] says what becomes of a
// [Request], and a [Decision] is a value. It answers nobody and writes nothing: that is for whoever asks.
//
// The order of a decision is the same for everybody: rules that always allow, bans, the other rules, what holds where
// no rule decides, tokens, limits, the challenge. Each of these with more than conditions has a package of its own
// below this one, which knows nothing of the others; here they are joined. What they remember, such as who is banned, is
// in a [State], which belongs to the process and outlives every configuration.
//
// A Policy is immutable and safe for concurrent use. A Request belongs to one goroutine at a time; its strings and
// fields are borrowed until Done.
package access
