package bots

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Resolver asks the domain name system. *net.Resolver is one.
type Resolver interface {
	LookupAddr(ctx context.Context, addr string) (names []string, err error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Standing is what is known of a client that says it was a robot.
type Standing int

// What can be.
const (
	Not      Standing = iota // it is none
	Verified                 // it is
	Pending                  // it is not known yet
)

// How names are asked for, and what is kept. A client that is no robot costs the tier at most the bytes of an entry, and
// the name servers a question every quarter of an hour.
const (
	atOnce      = 32               // addresses that are looked up
	patience    = 3 * time.Second  // for all questions about one
	mostNames   = 4                // of an address, that are confirmed
	mostEntries = 16384            // 3 MiB
	keepYes     = 6 * time.Hour    // that it is a robot
	keepNo      = 15 * time.Minute // that it is none
	keepUnknown = 30 * time.Second // that name servers do not say
)

// Verifier finds out.
type Verifier struct {
	ask     Resolver
	waiting atomic.Int32 // lookups that run

	mu    sync.Mutex
	known map[question]answer
	done  func() // a lookup, for tests; nil: nobody asks
}

// question is what a lookup answers: bots with the same domains ask the same.
type question struct {
	client netip.Addr
	bot    string
}

// answer is what is known. Once its time is over, it is found out again, and believed meanwhile.
type answer struct {
	standing Standing
	until    time.Time
	asking   bool
}

// NewVerifier returns a Verifier that knows nobody. With nil, it asks as the system is configured.
func NewVerifier(ask Resolver) *Verifier {
	if ask == nil {
		ask = net.DefaultResolver
	}
	return &Verifier{ask: ask, known: map[question]answer{}}
}

// Stands says what is known of a client whose user agent claims to be the bot, and has it found out if that is nothing.
// If too many are being found out about, it is none until there is room: what nobody has verified is not verified.
func (v *Verifier) Stands(b *Bot, client netip.Addr, now time.Time) Standing {
	q := question{client.Unmap().WithZone(""), b.key}
	v.mu.Lock()
	defer v.mu.Unlock()
	a, found := v.known[q]
	if found && (a.asking || now.Before(a.until)) {
		return a.standing
	}
	if !q.client.IsValid() || v.waiting.Load() >= atOnce {
		return Not
	}
	if !found {
		v.makeRoom(now)
		a.standing = Pending
	}
	a.asking = true
	v.known[q] = a
	v.waiting.Add(1)
	go v.find(b, q, now)
	return a.standing
}

// makeRoom forgets, if the table is full, whoever of a few is known for the shortest time still. What is being found out stays.
func (v *Verifier) makeRoom(now time.Time) {
	if len(v.known) < mostEntries {
		return
	}
	var oldest question
	var until time.Time
	seen := 0
	for q, a := range v.known { // in an order of chance
		if a.asking {
			continue
		}
		if seen++; until.IsZero() || a.until.Before(until) {
			oldest, until = q, a.until
		}
		if seen == 8 || until.Before(now) {
			break
		}
	}
	delete(v.known, oldest)
}

// find notes what the name servers say.
func (v *Verifier) find(b *Bot, q question, began time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	standing, err := v.verify(ctx, b, q.client)
	v.waiting.Add(-1)
	v.mu.Lock()
	before := v.known[q].standing
	a := answer{standing: standing, until: began.Add(keepNo)}
	switch {
	case standing == Verified:
		a.until = began.Add(keepYes)
	case err != nil: // who was verified, still is
		a.until = began.Add(keepUnknown)
		if before == Verified {
			a.standing = Verified
		}
	}
	v.known[q] = a
	v.mu.Unlock()
	if v.done != nil {
		v.done()
	}
}

// verify asks for the names of an address, and for the addresses of those that belong to the bot's operator. Names of
// others are not asked for: whoever has an address chooses them.
func (v *Verifier) verify(ctx context.Context, b *Bot, client netip.Addr) (Standing, error) {
	names, err := v.ask.LookupAddr(ctx, client.String())
	if len(names) == 0 {
		return Not, unsaid(err)
	}
	err = nil // of other names of the address
	network := "ip4"
	if client.Is6() {
		network = "ip6"
	}
	left := mostNames
	for _, name := range names {
		if !b.owns(name) {
			continue
		}
		if left--; left < 0 {
			break
		}
		addresses, lookupErr := v.ask.LookupNetIP(ctx, network, name)
		if err = errors.Join(err, unsaid(lookupErr)); lookupErr != nil {
			continue
		}
		for _, a := range addresses {
			if a.Unmap().WithZone("") == client {
				return Verified, nil
			}
		}
	}
	return Not, err
}

// unsaid is an error that says nothing. That there is no such name, says something.
func unsaid(err error) error {
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return nil
	}
	return err
}
