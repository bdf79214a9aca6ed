package lastgood

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Comparison is which of the peers that answered, this process among them, serve what.
type Comparison map[string][]string // pods by digest

// Compare asks the peers.
func (p *Peers) Compare(ctx context.Context) (Comparison, error) {
	peers, err := p.Ask(ctx)
	c := Comparison{}
	for _, one := range peers {
		c[one.Digest] = append(c[one.Digest], one.name())
	}
	for _, pods := range c {
		slices.Sort(pods)
	}
	return c, err
}

// Agree tells whether all serve the same.
func (c Comparison) Agree() bool { return len(c) < 2 }

// Count returns how many pods there are, and how many of them serve something else than most do.
func (c Comparison) Count() (all, differ int) {
	most := 0
	for _, pods := range c {
		all += len(pods)
		most = max(most, len(pods))
	}
	return all, all - most
}

// String names the pods, those that are fewest with a configuration first: they are the ones to look at.
func (c Comparison) String() string {
	digests := slices.SortedFunc(maps.Keys(c), func(a, b string) int {
		if d := len(c[a]) - len(c[b]); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	var parts []string
	for _, digest := range digests {
		pods, more := c[digest], ""
		if n := len(pods) - maxNamed; n > 0 {
			pods, more = pods[:maxNamed], fmt.Sprintf(" and %d more", n)
		}
		parts = append(parts, strings.Join(pods, ", ")+more+": "+digest[:min(len(digest), 12)])
	}
	return strings.Join(parts, "; ")
}

// maxNamed is how many pods are named with each configuration.
const maxNamed = 10

// How often peers are compared: twice, and the request takes its time, within a minute.
const (
	compareEvery = 20 * time.Second
	compareMore  = 5 * time.Second // at most, by chance: not all pods ask all others at once
)

// Watch compares the peers again and again until ctx ends, and says what it has found. Twice in a row
// have they to disagree for that to be more than a change on its way; only then is it settled.
func (p *Peers) Watch(ctx context.Context, found func(c Comparison, settled bool)) {
	disagreed := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(compareEvery + rand.N(compareMore)):
		}
		c, _ := p.Compare(ctx) // names without an address have no pods; that is for others to tell
		found(c, disagreed || c.Agree())
		disagreed = !c.Agree()
	}
}
