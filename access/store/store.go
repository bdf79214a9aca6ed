package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

// Modes of a store.
const (
	One      = "one"      // a server, or an address behind which there is one at a time
	Sentinel = "sentinel" // the addresses are those of sentinels, which know the server
	Cluster  = "cluster"  // the addresses are those of some nodes of a cluster
)

// Options say where a store is and how it is asked.
type Options struct {
	Mode      string
	Addresses []string
	Master    string // what sentinels call the server
	User      string
	// Files whose first line is a password, read anew for every connection; empty: none.
	PasswordFile         string
	SentinelPasswordFile string
	TLS                  TLS
	DB                   int
	Prefix               string        // of all keys
	Timeout              time.Duration // of an operation
	ConnectTimeout       time.Duration // of a connection
	Connections          int           // at most

	// Did is told of every operation and what it has failed with; Changed of a store that is up, or
	// down and why. Neither may take long; nil: nobody is told.
	Did     func(operation string, why Fault, took time.Duration)
	Changed func(up bool, why error)
}

// TLS says how connections to the store are secured. Files are read anew for every connection.
type TLS struct {
	On         bool
	CA         string // empty: the authorities of the system
	Cert, Key  string // of the tier; empty: it shows none
	ServerName string // in the certificate of the server; empty: the host of its address
}

// Store is the way to a store.
type Store struct {
	options Options
	client  redis.UniversalClient
	breaker *breaker
	opened  chan struct{} // has a value when the breaker has opened
}

// New returns the way to a store, without taking it. The error is one of files that cannot be used.
func New(o Options) (*Store, error) {
	if _, err := o.password(o.PasswordFile); err != nil {
		return nil, err
	}
	if _, err := o.password(o.SentinelPasswordFile); err != nil {
		return nil, err
	}
	if o.TLS.On {
		if _, err := o.TLS.config("store"); err != nil {
			return nil, err
		}
	}
	if o.Did == nil {
		o.Did = func(string, Fault, time.Duration) {}
	}
	if o.Changed == nil {
		o.Changed = func(bool, error) {}
	}
	s := &Store{options: o, opened: make(chan struct{}, 1)}
	s.breaker = newBreaker()
	s.client = newClient(&s.options)
	return s, nil
}

// Up reports whether operations are tried.
func (s *Store) Up() bool { return s.breaker.up() }

// Close ends all connections.
func (s *Store) Close() { _ = s.client.Close() } // nobody is left who would do something about it

// Connect tries the store once, so that whoever starts knows whether it is there. Without it, or before it, the
// store counts as down.
func (s *Store) Connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.options.ConnectTimeout+s.options.Timeout)
	defer cancel()
	err := s.probe(ctx)
	if err == nil {
		s.breaker.close(false)
		s.options.Changed(true, nil)
		return nil
	}
	s.breaker.because(err, s.options.Changed)
	s.wake()
	return err
}

// Run looks after a store that is down until ctx ends. There has to be one.
func (s *Store) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.opened:
			s.untilWell(ctx)
		}
	}
}

// How often a store that is down is probed. Replicas do it at times of their own.
const (
	firstProbe = 100 * time.Millisecond
	laterProbe = 3 * time.Second
)

// untilWell probes the store until it is well or ctx ends.
func (s *Store) untilWell(ctx context.Context) {
	for pause := firstProbe; ; pause = min(2*pause, laterProbe) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause/2 + rand.N(pause)):
		}
		one, cancel := context.WithTimeout(ctx, s.options.ConnectTimeout+s.options.Timeout)
		began := time.Now()
		err := s.probe(one)
		cancel()
		s.options.Did("probe", FaultOf(err), time.Since(began))
		if err == nil {
			s.breaker.close(true)
			s.options.Changed(true, nil)
			return
		}
		s.breaker.because(err, s.options.Changed)
	}
}

// wake has Run look after the store.
func (s *Store) wake() {
	select {
	case s.opened <- struct{}{}:
	default:
	}
}

// probe does what operations do: it runs a script that writes.
func (s *Store) probe(ctx context.Context) error {
	began := time.Now()
	err := probeScript.Run(ctx, s.client, []string{s.options.Prefix + "probe"}).Err()
	if err == nil && time.Since(began) > s.options.Timeout {
		// It had to connect first. A store that is slow even so is not well yet.
		began = time.Now()
		err = probeScript.Run(ctx, s.client, []string{s.options.Prefix + "probe"}).Err()
		if err == nil && time.Since(began) > s.options.Timeout {
			return errSlow
		}
	}
	return err
}

var errSlow = &Error{Fault: Timeout, Err: errors.New("it answers, but too slowly")}

// do runs an operation, unless the store is down.
func (s *Store) do(ctx context.Context, operation string, f func(context.Context) error) error {
	if !s.breaker.admits() {
		s.options.Did(operation, Down, 0)
		return ErrDown
	}
	limited, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	began := time.Now()
	err := f(limited)
	fault := FaultOf(err)
	if err != nil && ctx.Err() != nil {
		return err // the caller has gone, which says nothing about the store
	}
	s.options.Did(operation, fault, time.Since(began))
	if s.breaker.saw(err != nil) {
		s.breaker.because(err, s.options.Changed)
		s.wake()
	}
	if err != nil {
		return &Error{fault, err}
	}
	return nil
}
