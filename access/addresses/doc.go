// Package addresses has sets of prefixes of IPv4 and IPv6, and reads them from what others write: lines, CSV, JSON,
// and what ipset saves. It decides whether an address is in a set and which entry says so. Where texts come from,
// and what a set is good for, is for others to know.
//
// A [Set] never changes once it is built and may be used by any number of goroutines. It holds no part of the text
// that it was read from. A [Builder] belongs to one goroutine.
package addresses
