package discover

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Records returns a source that asks for the SRV records of a name, which say host, port, weight and rank. Targets
// are like the one given, whose address is the name. A nil resolver is the system's.
func Records(of Target, every time.Duration, ask Resolver) Source {
	r := &records{ask: orSystem(ask), like: of, hosts: map[string]*addresses{}}
	return &looked{name: of.Address, every: every, look: r.look}
}

// ServiceOf is the name that a name of SRV records is about, such as example.com of _http._tcp.example.com.
// Certificates are for it: the hosts in records are the word of a name server (RFC 6125, 1.8).
func ServiceOf(name string) string {
	for strings.HasPrefix(name, "_") {
		_, name, _ = strings.Cut(name, ".")
	}
	return name
}

// records are what is known of one name.
type records struct {
	ask   Resolver
	like  Target
	hosts map[string]*addresses // that the last records name
}

// look asks for the records, and then for the addresses of the hosts in them.
func (r *records) look(ctx context.Context) ([]Target, error) {
	found, err := r.lookup(ctx)
	if len(found) == 0 {
		return nil, err
	}
	named := map[string]*addresses{}
	for _, s := range found {
		if named[s.Target] = r.hosts[s.Target]; named[s.Target] == nil {
			named[s.Target] = &addresses{ask: r.ask, name: s.Target}
		}
	}
	r.hosts = named
	at, failed := lookAll(ctx, named)
	best := uint16(1<<16 - 1)
	for _, s := range found {
		if len(at[s.Target]) > 0 {
			best = min(best, s.Priority)
		}
	}
	var all []Target
	for _, s := range found {
		for _, address := range at[s.Target] {
			t := r.like.at(net.JoinHostPort(address, strconv.Itoa(int(s.Port))))
			t.Weight, t.Terminating = max(int(s.Weight), 1), s.Priority > best
			all = append(all, t)
		}
	}
	return all, errors.Join(err, failed)
}

// lookup asks for the records. It is an error if there are none.
func (r *records) lookup(ctx context.Context) ([]*net.SRV, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	_, found, err := r.ask.LookupSRV(ctx, "", "", r.like.Address)
	found = slices.DeleteFunc(found, func(s *net.SRV) bool { // "." says that there is no such service (RFC 2782)
		return s.Port == 0 || strings.Trim(s.Target, ".") == ""
	})
	if err == nil && len(found) == 0 {
		err = &net.DNSError{Err: "no records", Name: r.like.Address, IsNotFound: true}
	}
	return found, err
}

// atOnce is how many hosts are asked about at once: a headless Service has a host for each pod.
const atOnce = 8

// lookAll asks for the addresses of hosts. The error names one that has none and how many more there are.
func lookAll(ctx context.Context, hosts map[string]*addresses) (map[string][]string, error) {
	var mu sync.Mutex
	found, failed := map[string][]string{}, map[string]error{}
	places := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for host, known := range hosts {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			at, err := known.look(ctx)
			mu.Lock()
			defer mu.Unlock()
			for _, a := range at {
				found[host] = append(found[host], a.String())
			}
			if err != nil {
				failed[host] = err
			}
		})
	}
	all.Wait()
	if len(failed) == 0 {
		return found, nil
	}
	err := failed[slices.Min(slices.Collect(maps.Keys(failed)))]
	if more := len(failed) - 1; more > 0 {
		err = fmt.Errorf("%w, and %d hosts more", err, more)
	}
	return found, err
}
