// Package balance says which endpoint of an upstream is asked next.
//
// A [Set] is made of the endpoints that there are, and made anew when there are others. What changes while
// it lives it asks its candidates for: what is in flight, whether they are well, since when they are there,
// how long they take. It has no clock but an argument, does no I/O and takes no lock. A choice allocates
// nothing and takes some fifty nanoseconds, among hundreds of endpoints twice that; only a bound counts what all of them
// have in flight (BenchmarkNext).
//
// It leaves to others: what an endpoint is, whether it is well (health), how often a request is tried, and
// what the key of a request is made of.
package balance
