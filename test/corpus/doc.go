// Package corpus writes HTTP requests: ordinary traffic of many kinds, named mixes of it, and
// the attacks of the Core Rule Set's own regression tests. Load scenarios, benchmarks and
// checks of soundness share it, so that a figure of one can be laid beside a figure of
// another. It belongs to tests and load scenarios.
//
// The ordinary requests are meant to look like what a shop and its API get, nuisances
// included: consent cookies, tokens, prose with apostrophes and words that SQL has too,
// markup in JSON, a dozen scripts. None was removed because a rule takes it for an attack;
// who needs requests that pass asks the rules first. No two requests of a list are equal, and
// the same call returns the same list in every run.
//
// Functions may be called concurrently. What they return is the caller's own.
package corpus
