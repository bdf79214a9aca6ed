package snapshot

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/wafer-waf/wafer/access/feed"
	"github.com/wafer-waf/wafer/access/geo"
	"github.com/wafer-waf/wafer/config"
)

// ListsState is how lists and databases do, and what they say of an address.
type ListsState struct {
	Lists []ListState  `json:"lists"`
	Geo   []geo.Status `json:"geo,omitempty"`
	// Where the address is that was asked for.
	Country string `json:"country,omitempty"`
	ASN     uint32 `json:"asn,omitempty"`
}

// ListState is how a list does.
type ListState struct {
	feed.Status
	Entry string `json:"entry,omitempty"` // that the address is in which was asked for
}

// DescribeLists returns how lists and databases do, and what they say of an address, if that is one.
func (s *Snapshot[R]) DescribeLists(of netip.Addr) ListsState {
	all := ListsState{Lists: []ListState{}, Geo: s.sources.places.Status()}
	for i := range s.Config.Lists {
		list := s.sources.lists[s.Config.Lists[i].ID]
		one := ListState{Status: list.Status()}
		if of.IsValid() {
			one.Entry = list.Which(of, time.Now())
		}
		all.Lists = append(all.Lists, one)
	}
	if of.IsValid() {
		all.Country, all.ASN = s.sources.places.Country(of), s.sources.places.ASN(of)
	}
	return all
}

// DescribeLists is that of the snapshot in force.
func (k *Keeper[R]) DescribeLists(of netip.Addr) ListsState {
	s := k.Current()
	defer s.Release()
	return s.DescribeLists(of)
}

// RefreshLists has lists that fail look at their sources now, for somebody may have repaired them. It does not wait.
func (k *Keeper[R]) RefreshLists() {
	s := k.InForce()
	if s == nil {
		return
	}
	for _, list := range s.sources.lists {
		if list.Status().Failing != "" {
			go func() { _ = list.Refresh(context.Background()) }() // is told there
		}
	}
}

// AskLists opens the lists and databases of a configuration, without anything else of it, and returns what they say of
// each address; of none there is one state. URLs are asked or not.
func AskLists(c *config.Routes, urls bool, of []netip.Addr) ([]ListsState, error) {
	c = &config.Routes{Lists: slices.Clone(c.Lists), Geo: c.Geo}
	for i := range c.Lists {
		c.Lists[i].Start = config.StartEmpty // why one is not good stands in its state
	}
	b := NewBuilder[struct{}](nil, nil, nil)
	b.Feeds.Serving = urls
	s := &Snapshot[struct{}]{Config: c}
	var problems config.Problems
	b.openSources(s, func(path string, err error) {
		problems = append(problems, config.Problem{Path: path, What: err.Error()})
	})
	defer b.freeSources(s.lists, s.databases)
	if len(problems) > 0 {
		return nil, problems
	}
	if len(of) == 0 {
		of = []netip.Addr{{}}
	}
	var all []ListsState
	for _, a := range of {
		all = append(all, s.DescribeLists(a))
	}
	return all, nil
}
