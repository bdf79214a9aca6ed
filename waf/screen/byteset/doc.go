// Package byteset has the one kind of set of bytes that the screen reckons with.
//
// A [Set] is a word of 64 bits, one for each group of bytes. An ASCII letter is a group of its own,
// whatever its case. The digits are one group, the control bytes are one, and so are the bytes
// from 0x80 up. Space, line feed, carriage return and each punctuation byte are groups of one.
// So "which bytes does this value have" is one OR for each byte, and "does it have one of these"
// is one AND.
//
// A set of single bytes is rounded up to groups: "has one of these" may then be true of a
// value that has none of the bytes, and is never false of one that has. Whoever asks must be
// able to bear that. Sets are values, and safe for concurrent use.
package byteset
