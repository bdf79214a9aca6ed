package snapshot

import (
	"context"
	"net/netip"
	"time"

	"github.com/wafer-waf/wafer/access/feed"
	"github.com/wafer-waf/wafer/access/geo"
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
