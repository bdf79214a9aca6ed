// Package message is what HTTP says, in whatever version it is said: requests and responses with
// their field lines in order and the streams of their bodies. A listener fills a [Request], and
// everything on the request's way reads it: routes, rules, edits, the upstream, events. So nothing
// is parsed twice, and no two readers can differ. A [Response] goes the other way.
//
// It does no I/O, checks nothing and knows no connection. That a name is a token, and a value free of
// control characters, is the business of who fills a message.
//
// Strings of a message are sub-strings of copies, valid for as long as somebody keeps them. The list of
// fields and the streams end with the exchange: whoever needs the list for longer clones it.
package message
