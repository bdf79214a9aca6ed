package recent

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ErrBusy says that as many are asking already as may.
var ErrBusy = errors.New("others are asking, come again")

// Entry is an event that was found.
type Entry struct {
	ID   string // a cursor: just behind the event
	Line []byte // without an end of line; of whom it was given to
}

// Page is what a question has found, the newest first.
type Page struct {
	Entries []Entry
	Next    string // cursor of what is older; empty: nothing is that could fit
	Looked  int    // events that were compared
	Cut     bool   // the time was over before the page was full
}

// maxPage is how many bytes of events a page has; another event, however large, begins the next one.
const maxPage = 4 << 20

// slice is how many events are compared before the clock is looked at.
const slice = 512

// Find returns the newest events that fit and are older than a cursor, or the newest ones if it is empty. It waits within a time
// for others who ask. It ends early when ctx does, or when it has itself taken that long; the next page goes on there.
func (s *Store) Find(ctx context.Context, f *Filter, cursor string, most int, within time.Duration) (Page, error) {
	below, err := s.below(cursor)
	if err != nil {
		return Page{}, err
	}
	if err := s.enter(ctx, within); err != nil {
		return Page{}, err
	}
	defer s.leave()
	page := Page{Entries: []Entry{}}
	deadline := time.Now().Add(within)
	m := f.Matcher()
	w := s.walk(f, span{below: below})
	defer w.close()
	size := 0
	for line, number := w.next(); line != nil; line, number = w.next() {
		page.Looked++
		if m.matchOwn(line) {
			if size += len(line); len(page.Entries) == most || size > maxPage && len(page.Entries) > 0 {
				page.Next = s.cursor(number + 1)
				return page, nil
			}
			page.Entries = append(page.Entries, Entry{s.cursor(number), append([]byte(nil), line...)})
		}
		if page.Looked%slice == 0 && (ctx.Err() != nil || time.Now().After(deadline)) {
			page.Next, page.Cut = s.cursor(number), true
			return page, ctx.Err()
		}
	}
	return page, nil
}

// newID tells stores of different processes apart.
func newID() string { return strconv.FormatInt(time.Now().UnixMicro(), 36) }

// cursor stands for what is older than a number.
func (s *Store) cursor(number uint64) string {
	return s.id + "-" + strconv.FormatUint(number, 36)
}

// ErrForeign says that a cursor is of another process, whose events are gone.
var ErrForeign = errors.New("the cursor is of a process that has ended")

// below reads a cursor.
func (s *Store) below(cursor string) (uint64, error) {
	if cursor == "" {
		return everything().below, nil
	}
	id, text, _ := strings.Cut(cursor, "-")
	number, err := strconv.ParseUint(text, 36, 64)
	if err != nil || id == "" || len(cursor) > maxCursor {
		return 0, fmt.Errorf("cursor: not one that was given")
	}
	if id != s.id {
		return 0, ErrForeign
	}
	return number, nil
}

// maxCursor is how long a cursor may be.
const maxCursor = 40

// Including turns the cursor of an event into one of which the event itself is older. What is no cursor stays.
func Including(cursor string) string {
	id, text, _ := strings.Cut(cursor, "-")
	number, err := strconv.ParseUint(text, 36, 64)
	if err != nil {
		return cursor
	}
	return id + "-" + strconv.FormatUint(number+1, 36)
}
