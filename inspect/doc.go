// Package inspect takes one message through one policy: it undoes content codings, asks the
// screen, waits for a place for the rules, runs them, and does what the policy says when one of
// these is not possible. What comes of it is an [Outcome], a value. The package answers nobody and
// knows no connection: requests, messages of WebSockets, the proof of a reload and "wafer explain"
// all go through it, and each turns the outcome into what it needs.
//
// What an inspection needs of the process is given to it: a [Gate] for the places in which rules
// run, and [Memory] for what reading a body takes.
//
// An [Inspector] and a [Policy] are immutable and safe for concurrent use. An [Inspection] belongs
// to one goroutine at a time; heads and bodies are borrowed until its End, and must not change
// meanwhile.
package inspect
