// Package routing finds, for one request, the value that belongs to it: method, host, path and
// header fields in, a value of any type out. A [Table] is built once from all entries, checked as a
// whole, and never changes afterwards; a new configuration is a new Table.
//
// # Precedence
//
// An entry with several hosts and paths counts as one candidate for every pair of them. Of all
// candidates that match a request, the first in this order is chosen:
//
//  1. Host: an exact name, then the wildcard with more labels, then none (any host).
//  2. Path: an exact path, then a regex (longer pattern first), then the longer prefix. An entry
//     without paths stands where the prefix "/" does.
//  3. Entries that list methods before entries that do not.
//  4. Entries with more header conditions first.
//  5. The order in which the entries were given.
//
// These are the rules of the Gateway API (HTTPRoute), which leaves the place of a regex to the
// implementation. Here it comes before every prefix, because a regex is written to carve something
// out of a prefix; behind it, a regex could never be reached.
//
// Host comes first, but it does not close the search: if the most specific host has entries and none
// of them matches in path, method and headers, less specific hosts are tried, down to entries
// without hosts.
//
// # What it leaves to others
//
// It reads no configuration, opens no socket and knows no HTTP library. It refuses nothing: a target
// or Host field that two parsers could read in two ways has to be rejected before. [CanonicalPath]
// is for matching only; what is forwarded, inspected or rewritten stays the caller's business.
//
// # Concurrency and memory
//
// A Table and everything it returns may be used from any number of goroutines. What is in a
// [Target] is read during the call and never kept, so it may belong to a buffer that the next
// request overwrites. Match allocates nothing unless the host is an IPv6 literal or holds characters
// outside ASCII.
package routing
