package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/admin/view"
	"github.com/wafer-waf/wafer/peers"
	"github.com/wafer-waf/wafer/recent"
)

// tierCursor begins a cursor of the whole tier, which has one for each pod with more, by address.
const tierCursor = "t."

// writeCursor puts cursors of pods together; none: there is nothing more.
func writeCursor(of map[string]string) string {
	if len(of) == 0 {
		return ""
	}
	text, _ := json.Marshal(of) // texts always encode
	return tierCursor + base64.RawURLEncoding.EncodeToString(text)
}

// readCursor is nil for the first page, of all pods.
func readCursor(cursor string) (of map[string]string, err error) {
	if cursor == "" {
		return nil, nil
	}
	text, ours := strings.CutPrefix(cursor, tierCursor)
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil && ours {
		err = json.Unmarshal(data, &of)
	}
	if err != nil || !ours || len(of) > peers.Most+1 || of == nil {
		return nil, errors.New("cursor: not one that was given with scope=tier")
	}
	return of, nil
}

// tierPage merges pages of all pods by the time of events.
func (q *question) tierPage(ctx context.Context, f *recent.Filter, cursor string, limit int) (*view.Events, error) {
	cursors, err := readCursor(cursor)
	if err != nil {
		return nil, err
	}
	if cursors != nil && !q.onlyPeers(ctx, cursors) {
		return nil, errors.New("cursor: names a pod that is none of the peers")
	}
	queryOf := func(at string) url.Values {
		query := f.Query()
		query.Set("limit", strconv.Itoa(limit))
		if of := cursors[at]; of != "" {
			query.Set("cursor", of)
		}
		return query
	}
	all, about, err := askTier(ctx, q, "/api/v1/events", queryOf, func(e *view.Events) *view.About { return &e.About },
		func(at string) (*view.Events, error) {
			own := *q
			own.tier = false
			return own.page(ctx, f, cursors[at], limit)
		}, cursors)
	if err != nil {
		return nil, err
	}
	out := &view.Events{About: about, Events: []view.Event{}}
	var pages []*podPage
	for _, one := range all {
		out.Looked += one.value.Looked
		if !fits(one.value) {
			out.About.Complete = false
			out.About.Warnings = append(out.About.Warnings, printable(one.value.About.Pod)+" answers with positions that are none")
			continue
		}
		p := &podPage{pod: printable(one.value.About.Pod), events: one.value.Events, next: one.value.Next}
		if one.at.IsValid() {
			p.at = one.at.String()
		}
		pages = append(pages, p)
	}
	out.Events, out.Next = merge(pages, limit)
	return out, nil
}

// positionBytes is more than a position among the events of a pod has: those of all pods stand in one cursor, which is part of a query.
const positionBytes = 64

// fits reports whether all positions of a page are such as pods give.
func fits(page *view.Events) bool {
	return len(page.Next) <= positionBytes &&
		!slices.ContainsFunc(page.Events, func(e view.Event) bool { return len(e.ID) > positionBytes })
}

// onlyPeers reports whether a cursor names addresses of peers and no others: nobody makes a pod ask somebody else.
func (q *question) onlyPeers(ctx context.Context, cursors map[string]string) bool {
	var known []string
	if q.api.Peers != nil {
		all, _ := q.api.Peers.Addresses(ctx) // names without an address have no pods
		for _, at := range all {
			known = append(known, at.String())
		}
	}
	for at := range cursors {
		if at != "" && !slices.Contains(known, at) {
			delete(cursors, at) // it has ended, or somebody made it up
		}
	}
	return len(cursors) > 0
}

// podPage is a page of one pod while pages are merged.
type podPage struct {
	at, pod string
	events  []view.Event
	next    string
	taken   int
	time    string // of the event at hand
}

// take goes on to the event behind those that are taken.
func (p *podPage) take(n int) {
	if p.taken += n; p.taken < len(p.events) {
		p.time = timeOf(&p.events[p.taken])
	}
}

// merge takes the newest events of all pages, and returns the cursor of what is left. It ends where a pod may have events
// that are newer than those of the others, but has not told them.
func merge(pages []*podPage, limit int) (events []view.Event, next string) {
	events = []view.Event{}
	for _, p := range pages {
		p.take(0)
	}
	for len(events) < limit {
		var newest *podPage
		for _, p := range pages {
			if p.taken == len(p.events) {
				if p.next != "" {
					return events, rest(pages)
				}
				continue
			}
			if newest == nil || p.time > newest.time {
				newest = p
			}
		}
		if newest == nil {
			break
		}
		e := newest.events[newest.taken]
		e.Pod = newest.pod
		events = append(events, e)
		newest.take(1)
	}
	return events, rest(pages)
}

// rest is the cursor of what was not taken.
func rest(pages []*podPage) string {
	cursors := map[string]string{}
	for _, p := range pages {
		switch {
		case p.taken == len(p.events) && p.next == "":
		case p.taken == len(p.events):
			cursors[p.at] = p.next
		default:
			cursors[p.at] = recent.Including(p.events[p.taken].ID)
		}
	}
	return writeCursor(cursors)
}

// timeOf is when an event was, as it is written. All pods write it alike.
func timeOf(e *view.Event) string {
	var of struct {
		Time string `json:"time"`
	}
	_ = json.Unmarshal(e.Event, &of) // without one it is the oldest
	return of.Time
}

// tierTop adds up what all pods have counted. Of each pod more values are asked for than are told, so that one that is seldom
// everywhere is not missed.
func (q *question) tierTop(ctx context.Context, f *recent.Filter, by string, limit int) (*view.Top, error) {
	query := f.Query()
	query.Set("by", by)
	query.Set("limit", strconv.Itoa(topMost))
	all, about, err := askTier(ctx, q, "/api/v1/events/top", same(query), func(t *view.Top) *view.About { return &t.About },
		func(string) (*view.Top, error) {
			own := *q
			own.tier = false
			return own.counted(ctx, f, by, topMost)
		}, nil)
	if err != nil {
		return nil, err
	}
	sum := &view.Top{About: about, By: by, Rows: []view.TopRow{}}
	for _, one := range all {
		sum.Others += one.value.Others
		sum.Looked += one.value.Looked
		sum.Rows = addRows(sum.Rows, one.value.Rows)
	}
	for _, row := range sum.Rows[min(limit, len(sum.Rows)):] {
		sum.Others += row.Count
	}
	sum.Rows = sum.Rows[:min(limit, len(sum.Rows))]
	return sum, nil
}
