// Package demo holds what "wafer demo" puts behind the proxy: two small backends on loopback,
// the route file that leads to them and the commands to try first.
//
// The shop is the application that a policy protects in blocking mode. It echoes, takes JSON and
// uploads, and has one page that leaks a stack trace on purpose, so that every stage of an
// inspection has something to look at. The guestbook is the application that nobody dares to
// touch any more: it accepts whatever it is given, and its policy only watches.
//
// Neither runs a query, touches a file or keeps more than a few entries in memory, and all output
// is escaped: a payload that gets through is shown, never carried out.
//
// The package starts no proxy and knows no configuration type; the command joins the two. All
// exported functions are safe for concurrent use.
package demo
