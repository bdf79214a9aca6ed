package proxy

import (
	"net/netip"

	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/access/addresses"
	"github.com/wafer-waf/wafer/access/feed"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/snapshot"
)

// listTold tells of a list that has changed, that is not as its source says, or that is so again.
func (p *Proxy) listTold(l *feed.List, o feed.Outcome) {
	switch {
	case o.Err != nil && o.Again: // told already
	case o.Err != nil:
		p.log.Warn().Str("list", l.ID()).Str("source", l.Status().Source).Err(o.Err).Int("entries", l.Set().Len()).Strs("lines", lines(o.Told)).
			Msg("the list is not as its source says, the last good one stays")
	case o.Changed:
		level := zerolog.InfoLevel
		if o.Bad > 0 {
			level = zerolog.WarnLevel
		}
		p.log.WithLevel(level).Str("list", l.ID()).Int("entries", o.Entries).Int("before", o.Before).Int("ended", o.Ended).
			Int("bad", o.Bad).Strs("lines", lines(o.Told)).Msg("list in force")
		if why := l.Status().Unkept; why != "" {
			p.log.Warn().Str("list", l.ID()).Str("error", why).Msg("the list is not kept for the next start")
		}
	default:
		p.log.Info().Str("list", l.ID()).Int("entries", l.Set().Len()).Msg("the list is as its source says again")
	}
}

func lines(bad []addresses.Bad) (all []string) {
	for _, b := range bad {
		all = append(all, b.String())
	}
	return all
}

// placesTold tells of a database that was read anew, or that could not be.
func (p *Proxy) placesTold(file string, err error) {
	if err != nil {
		p.log.Warn().Str("file", file).Err(err).Msg("the database of places is broken or gone, the last good one stays")
		return
	}
	p.log.Info().Str("file", file).Msg("database of places in force")
}

// DescribeLists returns how lists and databases do, and what they say of an address, if that is one.
func (p *Proxy) DescribeLists(of netip.Addr) snapshot.ListsState {
	return p.snapshots.DescribeLists(of)
}

// AskLists is that of package snapshot.
func AskLists(c *config.Routes, urls bool, of []netip.Addr) ([]snapshot.ListsState, error) {
	return snapshot.AskLists(c, urls, of)
}

// listsNow is what instruments say of lists and databases.
func (p *Proxy) listsNow() (all []metrics.List, databases []metrics.Database) {
	if !p.Loaded() {
		return nil, nil
	}
	now := p.DescribeLists(netip.Addr{})
	for i := range now.Lists {
		l := &now.Lists[i]
		all = append(all, metrics.List{
			ID: l.ID, Entries: l.Entries, Bytes: l.Bytes, Matches: l.Matches, Good: l.Good, Failing: l.Failing != "", Stale: l.Stale,
		})
	}
	for _, d := range now.Geo {
		databases = append(databases, metrics.Database{File: d.File, Built: d.Built, Good: d.Good, Failing: d.Failing != ""})
	}
	return all, databases
}
