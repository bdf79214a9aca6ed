// Package snapshot turns a configuration into what serves requests: it builds, proves, swaps, retires
// and describes. Everything that can fail comes before the swap, which is one atomic store; a request
// stays on the snapshot that it began with, and what only an old one held is freed after its last
// request.
//
// What a route is to whoever serves, beside what is bound here, is the caller's: R, made by a function
// that it gives. So is the proof, which sends attacks through what serves requests.
//
// A [Keeper] and its snapshots are safe for concurrent use; only one goroutine builds at a time.
package snapshot
