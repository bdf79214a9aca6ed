// Package feed keeps lists of addresses up to date: from a file that changes, from a URL that is asked on a clock of
// its own, or as they were configured. What comes must pass guards before it is in force; until then, and whenever
// nothing good comes, what was in force last stays, in memory and, if there is a folder, over starts.
//
// A [List] may be used by any number of goroutines. Its set is exchanged as a whole, behind one pointer; whoever
// looks up an address sees either the old one or the new one.
package feed
