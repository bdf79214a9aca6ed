package discover

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Resolver asks the domain name system. *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
}

// lookupTimeout bounds one question.
const lookupTimeout = 2 * time.Second

// Addresses returns a source that has a target at each address of a name: like the one given, whose address is
// name:port. A nil resolver is the system's.
func Addresses(of Target, every time.Duration, ask Resolver) (Source, error) {
	host, port, err := net.SplitHostPort(of.Address)
	if err != nil {
		return nil, err
	}
	known := &addresses{ask: orSystem(ask), name: host}
	return &looked{name: of.Address, every: every, look: func(ctx context.Context) (all []Target, _ error) {
		found, err := known.look(ctx)
		for _, a := range found {
			all = append(all, of.at(net.JoinHostPort(a.String(), port)))
		}
		return all, err
	}}, nil
}

func orSystem(ask Resolver) Resolver {
	if ask == nil {
		return net.DefaultResolver
	}
	return ask
}

// at is the same target elsewhere.
func (t Target) at(address string) Target {
	t.Address = address
	return t
}

// families are the networks of addresses. Each is asked for by itself, since an answer for one does not make up for
// a failure of the other, which would take its endpoints away.
var families = [...]string{"ip4", "ip6"}

// addresses are what is known of one name.
type addresses struct {
	ask  Resolver
	name string
	last [len(families)][]netip.Addr // good answers
}

// look asks for all addresses of a name. With an error come those that were known last, since they may still
// answer.
func (a *addresses) look(ctx context.Context) ([]netip.Addr, error) {
	if literal, err := netip.ParseAddr(a.name); err == nil {
		return []netip.Addr{literal}, nil
	}
	var found [len(families)][]netip.Addr
	var errs [len(families)]error
	var both sync.WaitGroup
	for i, family := range families {
		both.Go(func() { found[i], errs[i] = a.lookFor(ctx, family) })
	}
	both.Wait()
	if len(found[0])+len(found[1]) == 0 {
		return slices.Concat(a.last[:]...), worse(errs[0], errs[1])
	}
	var failed error
	for i, err := range errs {
		switch {
		case err == nil || absent(err):
			a.last[i] = found[i]
		case len(a.last[i]) > 0: // a family that never had an address may fail: some name servers know one only
			failed = err
		}
	}
	return slices.Concat(a.last[:]...), failed
}

// lookFor asks for the addresses of one family, in their order. It is an error if there are none.
func (a *addresses) lookFor(ctx context.Context, family string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	found, err := a.ask.LookupNetIP(ctx, family, a.name)
	if err != nil {
		return nil, err
	}
	for i := range found {
		found[i] = found[i].Unmap()
	}
	found = slices.DeleteFunc(found, nobody)
	if len(found) == 0 {
		return nil, &net.DNSError{Err: "no addresses", Name: a.name, IsNotFound: true}
	}
	slices.SortFunc(found, netip.Addr.Compare) // answers come in any order
	return slices.Compact(found), nil
}

// nobody reports whether an address is none of anybody. A connection to 0.0.0.0 would lead to this machine.
func nobody(a netip.Addr) bool {
	return a.IsUnspecified() || a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// absent reports whether a name server says that there is nothing.
func absent(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}

// worse is the error of two that says more: one that says that there is nothing does not say why there is no answer.
func worse(a, b error) error {
	if absent(a) {
		return b
	}
	return a
}
