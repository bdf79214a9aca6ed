package snapshot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/wafer-waf/wafer/access"
	"github.com/wafer-waf/wafer/access/addresses"
	"github.com/wafer-waf/wafer/access/feed"
	"github.com/wafer-waf/wafer/access/geo"
	"github.com/wafer-waf/wafer/config"
)

// Feeds is what lists and databases of places need of the process that serves.
type Feeds struct {
	Serving    bool   // they are kept up to date; else files are read once, and URLs are not asked
	Folder     string // that keeps lists over starts; empty: there is none
	ListTold   func(*feed.List, feed.Outcome)
	PlacesTold func(file string, err error)
}

// sources are what conditions on addresses ask.
type sources struct {
	lists  map[string]*feed.List // by id
	places *geo.Places           // nil: nothing is known of addresses
}

// conditions are what conditions of one access policy can name.
type conditions struct {
	robots robots
	sources
}

// where says to package access what conditions say of places. Unknown is a value like others.
func (*sources) where(w *config.AccessWhen, out *access.When) {
	for _, code := range w.Countries {
		if code == config.Unknown {
			code = geo.Unknown
		}
		out.Countries = append(out.Countries, code)
	}
	for _, text := range w.ASNs {
		if asn, err := config.ParseASN(text); err == nil { // which config has checked
			out.ASNs = append(out.ASNs, asn)
		}
	}
}

// fileEvery is how often files of lists and databases are looked at, and largestDatabase how large one may be.
const (
	fileEvery       = 5 * time.Second
	largestDatabase = 1 << 30
)

// digestOf names what is made of a part of a configuration.
func digestOf(part any) (string, error) {
	text, err := json.Marshal(part)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), err
}

// openSources makes what conditions on addresses ask. S owns it then.
func (b *Builder[R]) openSources(s *Snapshot[R], report func(path string, err error)) sources {
	s.lists, s.databases = map[string]*shared[*feed.List]{}, map[string]*shared[*geo.Places]{}
	s.sources = sources{b.openLists(s.Config, s.lists, report), b.openPlaces(s.Config, s.databases, report)}
	return s.sources
}

// openLists makes the lists of a configuration and has them begin, all at the same time: each may wait for a server.
// It returns them by their ids.
func (r *resources) openLists(c *config.Routes, owned map[string]*shared[*feed.List], report func(path string, err error)) map[string]*feed.List {
	byID := map[string]*feed.List{}
	var mu sync.Mutex // guards owned, byID and report
	var running sync.WaitGroup
	for i := range c.Lists {
		list := &c.Lists[i]
		running.Go(func() {
			digest, err := digestOf(list)
			var opened *shared[*feed.List]
			if err == nil {
				opened, err = own(&r.mu, r.lists, digest, func() (*feed.List, error) { return r.openList(list) })
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				report(listPath(i, list, err), err)
				return
			}
			owned[digest], byID[list.ID] = opened, opened.value
		})
	}
	running.Wait()
	return byID
}

// listPath is where what is wrong with a list is written.
func listPath(i int, c *config.List, err error) string {
	path := fmt.Sprintf("lists[%d]", i)
	switch about := (*settingError)(nil); {
	case errors.As(err, &about):
		return path + "." + about.key
	case c.File != "":
		return path + ".file"
	case c.URL != "":
		return path + ".url"
	}
	return path + ".entries"
}

// settingError is about one key of a list.
type settingError struct {
	key string
	error
}

func (r *resources) openList(c *config.List) (*feed.List, error) {
	of, err := r.feedConfig(c)
	if err != nil {
		return nil, err
	}
	return feed.Open(context.Background(), of, r.listBefore(c.ID))
}

// listBefore is a list with the same id that is in use; nil: there is none.
func (r *resources) listBefore(id string) *feed.List {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.lists {
		if l.value.ID() == id {
			return l.value
		}
	}
	return nil
}

// feedConfig says to package feed what config.List says.
func (r *resources) feedConfig(c *config.List) (feed.Config, error) {
	f := feed.Config{
		ID: c.ID, Dir: c.Dir, File: c.File, Every: fileEvery, Stale: c.StaleAfter, MaxSize: int64(c.MaxSize),
		Reading: addresses.Reading{
			Format: addresses.Format(c.Format), Column: c.Column, Fields: c.Fields, Until: c.Until, Set: c.Set,
			Widest4: c.ShortestIPv4, Widest6: c.ShortestIPv6, MaxEntries: c.MaxEntries,
		},
		Guards:   feed.Guards{MinEntries: c.MinEntries, MaxShrink: int(c.MaxShrink), MaxBad: int(c.MaxBad)},
		MayBegin: c.Start == config.StartEmpty, Unwatched: !r.Feeds.Serving, Folder: r.Feeds.Folder, Told: r.Feeds.ListTold,
	}
	var err error
	switch {
	case c.Elsewhere:
		f.Fixed = &addresses.Set{}
	case c.Content != nil:
		f.Fixed, err = feed.Read(f, string(c.Content))
	case c.URL != "":
		f.Every = c.Every
		f.Web, err = web(c)
	case c.File == "":
		f.Fixed, err = entries(c.Entries)
	}
	return f, err
}

func entries(list []config.ListEntry) (*addresses.Set, error) {
	var b addresses.Builder
	for i, e := range list {
		prefix, err := addresses.ParsePrefix(e.Address)
		if err != nil {
			return nil, &settingError{fmt.Sprintf("entries[%d].address", i), err}
		}
		b.Add(addresses.Match{Prefix: prefix, Until: e.Until.Time, Note: e.Reason})
	}
	return b.Set(), nil
}

func web(c *config.List) (*feed.Web, error) {
	w := &feed.Web{URL: c.URL, Timeout: c.Timeout, SHA256: c.SHA256}
	for _, h := range c.Headers {
		w.Headers = append(w.Headers, [2]string{h.Name, h.Value})
	}
	var err error
	if len(c.CA) > 0 {
		if w.Roots, err = feed.NewPool(c.CAText); err != nil {
			return nil, &settingError{"ca", err}
		}
	}
	if c.Signature != nil {
		w.SignatureURL = c.Signature.URL
		if w.Key, err = feed.ParsePublicKey(c.Signature.Key); err != nil {
			return nil, &settingError{"signature.key", err}
		}
	}
	return w, nil
}

// openPlaces opens the databases of a configuration; nil: there are none, or they are elsewhere.
func (r *resources) openPlaces(c *config.Routes, owned map[string]*shared[*geo.Places], report func(path string, err error)) *geo.Places {
	g := c.Geo
	if g == nil || g.Elsewhere {
		return nil
	}
	digest, err := digestOf(g)
	var places *shared[*geo.Places]
	if err == nil {
		places, err = own(&r.mu, r.places, digest, func() (*geo.Places, error) {
			return geo.Open(geo.Config{
				Dir: g.Dir, Country: g.Country, ASN: g.ASN, MaxSize: largestDatabase, Every: fileEvery,
				Unwatched: !r.Feeds.Serving, Told: r.Feeds.PlacesTold,
			})
		})
	}
	if err != nil {
		report("geo", err)
		return nil
	}
	owned[digest] = places
	return places.value
}
