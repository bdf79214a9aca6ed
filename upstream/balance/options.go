package balance

import "time"

// Policy says how a choice is made.
type Policy uint8

// How it can be.
const (
	// LeastRequest draws two candidates and takes the one with less to do: fewer requests in flight for
	// its weight or, of two of which one answers much slower, less time until it is through with them.
	LeastRequest Policy = iota
	// RoundRobin takes one after the other, each as often as its weight says.
	RoundRobin
	// ConsistentHash takes the one that the request's key leads to, and the next on the ring if that one
	// has too much to do. Requests without a key are chosen for as by LeastRequest.
	ConsistentHash
	// Sticky takes the one that the request's token names, else as LeastRequest does.
	Sticky
)

// String is the word that the configuration has for it.
func (p Policy) String() string {
	return [...]string{"least_request", "round_robin", "consistent_hash", "sticky"}[p]
}

// Options say how a Set chooses.
type Options struct {
	Policy Policy
	Bound  int // of ConsistentHash and Sticky: in flight at most, in percent of a candidate's share of all that is; 0: any number
	// InFlight is how many requests all candidates together have; nil: they are counted, which takes the longer the more they are.
	InFlight func() int
	Secret   []byte // of Sticky: what tokens are made with

	Zone  string // where the chooser is; candidates there come first; empty: none does
	Spill int    // in percent of what a zone has on average: with less, requests go to the others too

	SlowStart time.Duration // over which a new candidate gets up to its share; 0: it gets it at once
	Least     int           // in percent of its share, what it begins with

	random func() uint64 // nil: the process's
}

// Member is what of a candidate does not change.
type Member struct {
	Candidate
	Name   string // its address
	Weight int    // its share beside others; below 1: 1
	Zone   string // empty: nobody knows
}

// Candidate is an endpoint as a Set sees it. Its methods are called while a choice is made.
type Candidate interface {
	// InFlight is how many requests it has that are not finished.
	InFlight() int
	// Standing is whether it should be asked.
	Standing(now time.Time) Standing
	// Since is when it began, or began anew, to be asked.
	Since() time.Time
	// Latency is how long it takes; nil: nobody measures.
	Latency() *Latency
}

// Standing is how much speaks against a candidate.
type Standing uint8

// How much can.
const (
	Well   Standing = iota
	Ending          // it finishes what it has, and is asked if there is nobody else
	Sick            // it has failed
)
