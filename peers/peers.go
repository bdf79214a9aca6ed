package peers

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Most is how many peers are asked.
const Most = 64

// Bounds of finding and asking.
const (
	lookupTimeout  = 2 * time.Second
	connectTimeout = 2 * time.Second
	maxHeader      = 16 << 10
	knownFor       = 5 * time.Second // what names stand for
	missedFor      = time.Second     // likewise, for who is not among them
)

// Header is the field by which a process says that it asks as a peer, and which one it is.
const Header = "Wafer-Peer"

// Options are what peers are found and asked by.
type Options struct {
	Names []string    // host:port; a host name stands for all its addresses
	TLS   *tls.Config // nil: they are asked in clear text
	Self  string      // what this process calls itself
	Token func() (string, error)

	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)         // nil: the system's
	Dial   func(ctx context.Context, network, address string) (net.Conn, error) // nil: TCP
}

// Peers are the processes that serve the same files, this one among them.
type Peers struct {
	o      Options
	client *http.Client
	scheme string

	looking sync.Mutex // one has names looked up for Include, others wait for what comes of it

	mu    sync.Mutex
	known []netip.AddrPort // as found last
	since time.Time
}

// New returns the processes whose admin listeners are at names.
func New(o Options) *Peers {
	if o.Lookup == nil {
		o.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: connectTimeout}).DialContext
	}
	p := &Peers{o: o, scheme: "http", client: &http.Client{
		Transport: &http.Transport{ // through no proxy
			DialContext:            o.Dial,
			TLSClientConfig:        o.TLS,
			TLSHandshakeTimeout:    connectTimeout,
			DisableKeepAlives:      true, // they are asked too rarely
			DisableCompression:     true, // a few bytes must not become gigabytes
			MaxResponseHeaderBytes: maxHeader,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if o.TLS != nil {
		p.scheme = "https"
	}
	return p
}

// Addresses returns where peers are, each address once, Most at most. An error says which names have none.
func (p *Peers) Addresses(ctx context.Context) (all []netip.AddrPort, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	for _, name := range p.o.Names {
		host, port, splitErr := net.SplitHostPort(name)
		n, portErr := net.DefaultResolver.LookupPort(ctx, "tcp", port)
		found, lookupErr := p.o.Lookup(ctx, host)
		if e := cmp.Or(splitErr, portErr, lookupErr); e != nil {
			err = errors.Join(err, fmt.Errorf("peers %s: %w", name, e))
			continue
		}
		for _, a := range found {
			all = append(all, netip.AddrPortFrom(a.Unmap(), uint16(n))) //nolint:gosec // a port has 16 bits
		}
	}
	slices.SortFunc(all, netip.AddrPort.Compare)
	all = slices.Compact(all)
	return all[:min(len(all), Most)], err
}

// Include reports whether an address is one of a peer. A stranger who asks again and again has names looked up no
// oftener than every second, and one who leaves while they are looked up ends that for nobody else.
// Who is known does not wait for that.
func (p *Peers) Include(ctx context.Context, a netip.Addr) (bool, error) {
	a = a.Unmap().WithZone("")
	if is, fresh := p.include(a); fresh {
		return is, nil
	}
	p.looking.Lock()
	defer p.looking.Unlock()
	if is, fresh := p.include(a); fresh { // somebody else has had them looked up
		return is, nil
	}
	known, err := p.Addresses(context.WithoutCancel(ctx))
	p.mu.Lock()
	p.known, p.since = known, time.Now()
	p.mu.Unlock()
	is, _ := p.include(a)
	return is, err
}

// include reports whether an address is one of those found last, and whether that is still believed.
func (p *Peers) include(a netip.Addr) (is, fresh bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	is = slices.ContainsFunc(p.known, func(one netip.AddrPort) bool { return one.Addr() == a })
	age := time.Since(p.since)
	return is, age <= missedFor || is && age <= knownFor
}

// StatusError is an answer of another status than 200.
type StatusError struct {
	Path   string
	Status int
}

func (e *StatusError) Error() string { return fmt.Sprintf("%s: status %d", e.Path, e.Status) }

// Open asks a peer for a path, and returns what it answers, to be closed. Ctx bounds all of it.
func (p *Peers) Open(ctx context.Context, at netip.AddrPort, path string, headers ...string) (io.ReadCloser, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.scheme+"://"+at.String()+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	r.Header.Set(Header, cmp.Or(p.o.Self, "unnamed"))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if p.o.Token != nil {
		token, err := p.o.Token()
		if err != nil {
			return nil, err
		}
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := p.client.Do(r)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		_ = response.Body.Close() // nothing in it is wanted
		return nil, &StatusError{r.URL.Path, response.StatusCode}
	}
	return response.Body, nil
}

// Get asks a peer for a path, within a time and a size.
func (p *Peers) Get(ctx context.Context, at netip.AddrPort, path string, timeout time.Duration, limit int64, headers ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	body, err := p.Open(ctx, at, path, headers...)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s: more than %d bytes", path, limit)
	}
	return data, err
}
