// Package discover says where the endpoints of an upstream are: as configured, or as somebody says who
// knows better. It opens no connection to them, and does not choose among them.
package discover

import "context"

// Target is where an endpoint is, and what is known of it beside its address. Two targets with one address
// are the same endpoint.
type Target struct {
	Address string // host:port
	Host    string // what its certificate is for, and the name that it was found by
	Zone    string // where it runs; empty: nobody knows
	Weight  int    // its share of the requests beside others; 0 counts as 1
	// Terminating tells that it is about to end, or that a name server ranks it behind others: it finishes what
	// it has, and gets something new only if there is no other.
	Terminating bool
}

// Source says which targets there are, as one name or one Service has them.
type Source interface {
	// String is what the source is asked for, such as a name.
	String() string
	// Watch tells the targets when they are known and whenever they change, until ctx ends. It tells one after the
	// other. Nil with an error says that there is nothing to tell, and that those told last are still the best
	// guess. Others with an error are what is known in spite of it; an empty list says that nobody is there.
	Watch(ctx context.Context, tell func([]Target, error))
}

// Unasked is a source that is never asked: where a configuration is looked at and does not serve.
type Unasked string

// String returns what it would be asked for.
func (u Unasked) String() string { return string(u) }

// Watch tells nothing.
func (u Unasked) Watch(context.Context, func([]Target, error)) {}
