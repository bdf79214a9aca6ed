// Package traffic reads requests from files: records of the tier, HAR as browsers export it, raw requests of HTTP/1.1
// and the tests of go-ftw. It says of each request where it stands, what the file knows of what became of it, and
// what of it the file does not have.
//
// Files are streams: of one with gigabytes no more is held than one request, and of that no more than limits allow.
// They may be hostile; what cannot be read is told with its line, and the reader goes on behind it where that is
// possible. What requests are run through is no business of this package.
//
// The functions keep no state and may be called concurrently. What they return is the caller's own.
package traffic
