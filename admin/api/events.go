package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/wafer-waf/wafer/admin/reply"
	"github.com/wafer-waf/wafer/admin/view"
	"github.com/wafer-waf/wafer/recent"
)

// Sizes of pages and exports.
const (
	pageUnasked = 100
	pageMost    = 1000
	exportMost  = 100_000
)

// events answers with events that fit, the newest first.
func (a *API) events(w http.ResponseWriter, r *http.Request) {
	q, ok := a.ask(w, r, slices.Concat(recent.Parameters(), []string{"limit", "cursor", "format"})...)
	if !ok || !a.kept(w) {
		return
	}
	f, filterErr := recent.ParseFilter(q.query, q.now)
	format := q.query.Get("format")
	var formatErr error
	if format != "" && !slices.Contains([]string{"json", "csv", "ndjson"}, format) {
		formatErr = errors.New("format: json, csv or ndjson")
	}
	exported := format == "csv" || format == "ndjson"
	unasked, most := pageUnasked, pageMost
	if exported {
		unasked, most = exportMost, exportMost
	}
	limit, limitErr := q.number("limit", unasked, 1, most)
	if !q.fine(w, errors.Join(filterErr, limitErr, formatErr)) {
		return
	}
	cursor := q.query.Get("cursor")
	if exported {
		q.export(r.Context(), w, &f, cursor, limit, format)
		return
	}
	page, err := q.page(r.Context(), &f, cursor, limit)
	if err != nil {
		failed(w, err)
		return
	}
	send(w, page)
}

// send answers with a value, in one line: pages are large, and read by programs.
func send(w http.ResponseWriter, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		reply.Problem(w, http.StatusInternalServerError, "response not encoded", nil)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(body, '\n')) // the client has left; nobody is left to tell
}

// page finds a page of events, in this pod or in all of them.
func (q *question) page(ctx context.Context, f *recent.Filter, cursor string, limit int) (*view.Events, error) {
	if q.tier {
		return q.tierPage(ctx, f, cursor, limit)
	}
	out := &view.Events{About: q.about(), Events: []view.Event{}}
	q.covers(&out.About, f)
	found, err := q.api.Store.Find(ctx, f, cursor, limit, q.api.bounds.findWithin)
	switch {
	case errors.Is(err, recent.ErrForeign):
		out.About.Warnings = append(out.About.Warnings, "the process that gave the cursor has ended, and its events with it")
		return out, nil
	case err != nil:
		return nil, err
	}
	for _, e := range found.Entries {
		out.Events = append(out.Events, view.Event{ID: e.ID, Event: e.Line})
	}
	out.Next, out.Looked = found.Next, found.Looked
	return out, nil
}

// top answers how often what was found.
func (a *API) top(w http.ResponseWriter, r *http.Request) {
	q, ok := a.ask(w, r, slices.Concat(recent.Parameters(), []string{"by", "limit"})...)
	if !ok || !a.kept(w) {
		return
	}
	f, filterErr := recent.ParseFilter(q.query, q.now)
	limit, limitErr := q.number("limit", topUnasked, 1, topMost)
	if !q.fine(w, errors.Join(filterErr, limitErr)) {
		return
	}
	if len(f.Kinds) == 0 {
		f.Kinds = []string{"security"}
	}
	by := q.query.Get("by")
	if by == "" {
		by = "rule"
	}
	out, err := q.counted(r.Context(), &f, by, limit)
	if err != nil {
		failed(w, err)
		return
	}
	send(w, out)
}

// Sizes of a list of values.
const (
	topUnasked = 20
	topMost    = 200
)

// counted counts events by a field, in this pod or in all of them.
func (q *question) counted(ctx context.Context, f *recent.Filter, by string, limit int) (*view.Top, error) {
	if q.tier {
		return q.tierTop(ctx, f, by, limit)
	}
	out := &view.Top{About: q.about(), By: by, Rows: []view.TopRow{}}
	q.covers(&out.About, f)
	top, err := q.api.Store.Count(ctx, f, by, limit, q.api.bounds.findWithin)
	if err != nil {
		return nil, err
	}
	out.Others, out.Looked = top.Others, top.Looked
	if top.Cut {
		out.About.Warnings = append(out.About.Warnings, "not all events were counted: that would have taken too long")
	}
	for _, row := range top.Rows {
		out.Rows = append(out.Rows, view.TopRow{
			Value: row.Value, Message: row.Message, Count: row.Count, Blocked: row.Blocked, First: row.First, Last: row.Last,
		})
	}
	return out, nil
}
