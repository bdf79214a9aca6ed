package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/admin/view"
	"github.com/wafer-waf/wafer/recent"
)

// aboutEvery is how often a stream says that it is alive, and what it rests on.
const aboutEvery = 15 * time.Second

// stream sends events as they come.
func (a *API) stream(w http.ResponseWriter, r *http.Request) {
	known := slices.DeleteFunc(recent.Parameters(), func(name string) bool { return name == "since" || name == "until" })
	q, ok := a.ask(w, r, append(known, "cursor", "backlog")...)
	if !ok || !a.kept(w) {
		return
	}
	f, filterErr := recent.ParseFilter(q.query, q.now)
	backlog, backlogErr := q.number("backlog", 0, 0, pageMost)
	if !q.fine(w, errors.Join(filterErr, backlogErr)) {
		return
	}
	if len(f.Kinds) == 0 {
		f.Kinds = []string{"security"}
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(a.ending, cancel)()

	own, err := q.follow(ctx, &f, cmp.Or(r.Header.Get("Last-Event-ID"), q.query.Get("cursor")), backlog)
	if err != nil {
		failed(w, err)
		return
	}
	defer own.close()
	s := &sender{w: w, control: http.NewResponseController(w)}
	s.begin()
	if q.tier {
		q.sendTier(ctx, s, own, &f, backlog)
		return
	}
	q.sendOwn(ctx, s, own, &f)
}

// sendOwn sends the events of this pod until ctx ends or the reader does.
func (q *question) sendOwn(ctx context.Context, s *sender, own *followed, f *recent.Filter) {
	said := time.Time{}
	for ctx.Err() == nil {
		if time.Since(said) >= aboutEvery {
			said = time.Now()
			now := question{api: q.api, now: said}
			about := now.about()
			now.covers(&about, f)
			s.event("about", "", about)
			if s.flush() != nil {
				return
			}
		}
		found, missed := own.next(ctx, aboutEvery-time.Since(said))
		if missed > 0 {
			s.event("missed", "", view.Missed{Missed: missed})
		}
		for _, e := range found {
			s.event("event", e.ID, view.Event{ID: e.ID, Event: e.Line})
		}
		if s.flush() != nil {
			return
		}
	}
}

// followed is a follower and what of before it begins with.
type followed struct {
	*recent.Follower
	before []recent.Entry // oldest first
}

// follow begins behind a cursor, or with so many events of before.
func (q *question) follow(ctx context.Context, f *recent.Filter, cursor string, backlog int) (*followed, error) {
	if strings.HasPrefix(cursor, tierCursor) {
		cursor = "" // one pod cannot go on where a stream of all was
	}
	n, err := q.api.Store.Follow(f, cursor)
	if err != nil {
		return nil, err
	}
	one := &followed{Follower: n}
	if backlog > 0 && cursor == "" {
		page, err := q.api.Store.Find(ctx, f, n.Position(), backlog, q.api.bounds.findWithin)
		if err != nil {
			n.Close()
			return nil, err
		}
		slices.Reverse(page.Entries)
		one.before = page.Entries
	}
	return one, nil
}

func (n *followed) close() { n.Close() }

func (n *followed) next(ctx context.Context, patience time.Duration) (found []recent.Entry, missed uint64) {
	if found, n.before = n.before, nil; len(found) > 0 {
		return found, 0
	}
	return n.Next(ctx, max(patience, time.Millisecond))
}

// sender writes server-sent events. After the first error it writes no more.
type sender struct {
	w       http.ResponseWriter
	control *http.ResponseController
	err     error
}

// begin writes the head.
func (s *sender) begin() {
	_ = s.control.SetReadDeadline(time.Time{}) // of a request that was read; otherwise it would end the stream
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // of proxies on the way
	s.w.WriteHeader(http.StatusOK)
	s.err = s.control.Flush()
}

// event writes one. Its data is one line, since JSON has no line ends in texts.
func (s *sender) event(name, id string, value any) {
	if s.err != nil {
		return
	}
	data, err := json.Marshal(value)
	if err != nil {
		s.err = err
		return
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(writeWithin))
	var b strings.Builder
	if id != "" {
		b.WriteString("id: " + id + "\n")
	}
	b.WriteString("event: " + name + "\ndata: ")
	b.Write(data)
	b.WriteString("\n\n")
	_, s.err = s.w.Write([]byte(b.String()))
}

func (s *sender) flush() error {
	if s.err == nil {
		s.err = s.control.Flush()
	}
	return s.err
}
