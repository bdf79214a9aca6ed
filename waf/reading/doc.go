// Package reading finds in a request, and in the response to it, the values that rules look at: in one
// pass, in microseconds, and without allocation once a [Values] is warm. The screen looks at these
// values, and the rules are shown the very same.
//
// It reads at least as sharply as the applications behind it. Every value that stock Coraza v3.8.1
// would show is among the values (the floor), and so is every value that a common application framework
// would read from the message, in whatever spelling. Where two applications would read two things, both
// are shown. What no reading covers, and what goes over a limit, is an error: REQBODY_ERROR,
// ARGUMENTS_LIMIT_REACHED and MULTIPART_STRICT_ERROR make the rules refuse the message.
//
// The keys and the selectors of rules are those of a Coraza that was built without the tags that
// change them.
//
// The tests hold it to its floor on files and on fuzzed requests.
package reading
