package lastgood

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/peers"
)

// Peer is what a peer says of itself.
type Peer struct {
	Addr   netip.AddrPort `json:"-"`      // of its admin listener
	Pod    string         `json:"pod"`    // its host name, which is a pod's name
	Digest string         `json:"digest"` // of the configuration in force; empty: none
	Built  time.Time      `json:"built"`  // when it came into force
}

// name is what people call it.
func (p Peer) name() string { return cmp.Or(p.Pod, p.Addr.String()) }

// Peers are the processes that serve the same files.
type Peers struct{ *peers.Peers }

// Paths of the admin listener on which peers answer.
const (
	StandingPath = "/api/v1/standing"
	BundlePath   = "/api/v1/bundle"
)

// What a peer may take, however it answers.
const (
	maxFetched      = 8 // whose configuration is asked for
	maxStanding     = 64 << 10
	standingTimeout = 2 * time.Second
	bundleTimeout   = 10 * time.Second
)

// NewPeers returns the processes that are found and asked by o.
func NewPeers(o peers.Options) *Peers { return &Peers{peers.New(o)} }

// Ask asks all peers what they serve, this process among them, and returns those that answer. An error says
// which names have no address.
func (p *Peers) Ask(ctx context.Context) ([]Peer, error) {
	all, err := p.Addresses(ctx)
	answers := make([]Peer, len(all))
	var asked sync.WaitGroup
	for i, a := range all {
		asked.Go(func() {
			data, err := p.Get(ctx, a, StandingPath, standingTimeout, maxStanding)
			var one Peer
			if err != nil || json.Unmarshal(data, &one) != nil || !isDigest(one.Digest) {
				return
			}
			one.Addr, one.Pod = a, printable(one.Pod)
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
	data, err := p.Get(ctx, one.Addr, BundlePath, bundleTimeout, config.MaxBundle)
	if err != nil {
		return nil, err
	}
	return config.DecodeBundle(data)
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
