// Package kept is what rules keep from one request to the next: the persistent collections of
// SecLang, GLOBAL, IP, SESSION, USER and RESOURCE.
//
// A [Store] has them for the process, or for all replicas. A [View] is what one transaction sees of
// them and what it changes: it loads a collection when a rule begins it, and gives its changes to
// the store when the transaction is over, as what was done (one more) and not as what came of it
// (seven), so that transactions that run at the same time lose nothing of each other. An [Act] is an
// action of a rule, read; both Coraza's rules and the screen's carry it out on a view.
//
// The package does no I/O, knows no rules and keeps nothing itself. A View belongs to one
// goroutine at a time.
package kept
