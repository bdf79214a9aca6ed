package lastgood

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/wafer-waf/wafer/config"
)

// Peer is what a peer says of itself.
type Peer struct {
	Addr   string    `json:"-"`      // of its admin listener
	Pod    string    `json:"pod"`    // its host name, which is a pod's name
	Digest string    `json:"digest"` // of the configuration in force; empty: none
	Built  time.Time `json:"built"`  // when it came into force
}

// name is what people call it.
func (p Peer) name() string { return cmp.Or(p.Pod, p.Addr) }

// Peers are the processes that serve the same files.
type Peers struct {
	names  []string // host:port; a host name stands for all its addresses
	client *http.Client
	lookup func(ctx context.Context, host string) ([]netip.Addr, error)
}

// Paths of the admin listener on which peers answer.
const (
	StandingPath = "/api/v1/standing"
	BundlePath   = "/api/v1/bundle"
)

// What a peer may take, however it answers.
const (
	maxPeers        = 64 // that are asked
	maxFetched      = 8  // whose configuration is asked for
	maxStanding     = 64 << 10
	maxHeader       = 16 << 10
	lookupTimeout   = 2 * time.Second
	standingTimeout = 2 * time.Second
	bundleTimeout   = 10 * time.Second
)

// NewPeers returns the processes whose admin listeners are at names, host:port.
func NewPeers(names []string) *Peers {
	return &Peers{
		names: names,
		client: &http.Client{
			Transport: &http.Transport{ // through no proxy
				DialContext:            (&net.Dialer{Timeout: standingTimeout}).DialContext,
				DisableKeepAlives:      true, // they are asked too rarely
				DisableCompression:     true, // a few bytes must not become gigabytes
				MaxResponseHeaderBytes: maxHeader,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		lookup: func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		},
	}
}

// addresses returns where peers are, each address once, maxPeers at most.
func (p *Peers) addresses(ctx context.Context) (all []netip.AddrPort, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	for _, name := range p.names {
		host, port, splitErr := net.SplitHostPort(name)
		n, portErr := net.DefaultResolver.LookupPort(ctx, "tcp", port)
		found, lookupErr := p.lookup(ctx, host)
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
	return all[:min(len(all), maxPeers)], err
}

// Include reports whether an address is one of a peer: nobody else is given the configuration.
func (p *Peers) Include(ctx context.Context, a netip.Addr) (bool, error) {
	all, err := p.addresses(ctx)
	for _, one := range all {
		if one.Addr() == a.Unmap() {
			return true, nil
		}
	}
	return false, err
}

// Ask asks all peers what they serve, this process among them, and returns those that answer. An error says
// which names have no address.
func (p *Peers) Ask(ctx context.Context) ([]Peer, error) {
	all, err := p.addresses(ctx)
	answers := make([]Peer, len(all))
	var asked sync.WaitGroup
	for i, a := range all {
		asked.Go(func() {
			data, err := p.get(ctx, a.String(), StandingPath, standingTimeout, maxStanding)
			var one Peer
			if err != nil || json.Unmarshal(data, &one) != nil || !isDigest(one.Digest) {
				return
			}
			one.Addr, one.Pod = a.String(), printable(one.Pod)
			answers[i] = one
		})
	}
	asked.Wait()
	return slices.DeleteFunc(answers, func(one Peer) bool { return one.Digest == "" }), err
}

// candidates are peers with a configuration, in the order in which they are worth asking for it: one that most
// peers serve first, the newer one of two.
func (p *Peers) candidates(ctx context.Context) []Peer {
	peers, _ := p.Ask(ctx) // who does not answer cannot help
	count := map[string]int{}
	for _, one := range peers {
		count[one.Digest]++
	}
	slices.SortStableFunc(peers, func(a, b Peer) int {
		return cmp.Or(cmp.Compare(count[b.Digest], count[a.Digest]), b.Built.Compare(a.Built))
	})
	return peers[:min(len(peers), maxFetched)]
}

// fetch returns the configuration of a peer.
func (p *Peers) fetch(ctx context.Context, one Peer) (*config.Bundle, error) {
	data, err := p.get(ctx, one.Addr, BundlePath, bundleTimeout, config.MaxBundle)
	if err != nil {
		return nil, err
	}
	return config.DecodeBundle(data)
}

// get reads a path of a peer, within a time and a size.
func (p *Peers) get(ctx context.Context, addr, path string, timeout time.Duration, limit int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := p.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: status %d", path, response.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s: more than %d bytes", path, limit)
	}
	return data, err
}

// isDigest tells a digest from other text, and from none.
func isDigest(text string) bool {
	sum, err := hex.DecodeString(text)
	return err == nil && len(sum) == sha256.Size
}

// printable keeps what a host name can have, for it goes into logs and events.
func printable(name string) string {
	out := []byte(name[:min(len(name), 253)])
	for i, c := range out {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_') {
			out[i] = '?'
		}
	}
	return string(out)
}
