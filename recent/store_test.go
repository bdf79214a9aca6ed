package recent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const long = time.Minute

// event is a line as the tier writes one.
func event(kind string, id int, more string) []byte {
	return fmt.Appendf(nil, `{"time":"2026-11-30T20:%02d:%02d.000Z","level":"info","event":"%s","request_id":"r%d",%s"message":"x"}`+"\n",
		id/60%60, id%60, kind, id, more)
}

func passed(id int) []byte { return event("access", id, `"verdict":"pass","status":200,`) }
func refused(id int) []byte {
	return event("access", id, `"verdict":"refused","status":404,"error":"no_route",`)
}
func failed(id int) []byte {
	return event("access", id, `"verdict":"pass","status":502,"error":"closed",`)
}
func blocked(id int) []byte {
	return event("security", id, `"route":"shop","verdict":"block","status":403,"rule_id":949110,"rules":[{"id":942100,"message":"SQL","target":"ARGS:q","value":"1' OR 1=1"}],`)
}

func find(t *testing.T, s *Store, query, cursor string, most int) Page {
	t.Helper()
	q, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	f, err := ParseFilter(q, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	page, err := s.Find(t.Context(), &f, cursor, most, long)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func ids(page Page) (all []string) {
	for _, e := range page.Entries {
		all = append(all, idOf(e.Line))
	}
	return all
}

func idOf(line []byte) string {
	var e struct {
		RequestID string `json:"request_id"`
	}
	_ = json.Unmarshal(line, &e)
	return e.RequestID
}

func TestNothingIsTakenBeforeTheFirstEvent(t *testing.T) {
	s := NewStore(16 << 20)
	kept, _ := s.Kept()
	for _, k := range kept {
		if k.Bytes != 0 || k.Events != 0 || !k.From.IsZero() {
			t.Errorf("%+v", k)
		}
	}
	if page := find(t, s, "", "", 10); len(page.Entries) != 0 || page.Next != "" {
		t.Errorf("%+v", page)
	}
}

// TestPages reads all events in pages of every size, both parts by the order in which they came.
func TestPages(t *testing.T) {
	s := NewStore(16 << 20)
	var want []string
	for i := range 500 {
		if i%7 == 0 {
			s.Add(blocked(i))
		} else {
			s.Add(passed(i))
		}
		want = append(want, "r"+strconv.Itoa(i))
	}
	slices.Reverse(want)
	for _, size := range []int{1, 7, 100, 499, 500, 1000} {
		var got []string
		cursor := ""
		for {
			page := find(t, s, "", cursor, size)
			got = append(got, ids(page)...)
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d: %d events, want %d", size, len(got), len(want))
		}
	}
	if page := find(t, s, "kind=security", "", 1000); len(page.Entries) != 72 || page.Looked != 72 {
		t.Errorf("%d security events of %d", len(page.Entries), page.Looked)
	}
	page := find(t, s, "", "", 3)
	if got := ids(find(t, s, "", Including(page.Entries[2].ID), 1)); !slices.Equal(got, []string{"r497"}) {
		t.Errorf("including: %v", got)
	}
}

// TestBounds writes over the oldest events, and never takes more than its limit. What passed, and what was refused, does not push
// out the rest.
func TestBounds(t *testing.T) {
	s := NewStore(1 << 20)
	s.Add(blocked(0))
	const n = 6_000
	for i := range n {
		s.Add(passed(i))
		s.Add(refused(i))
		s.Add(failed(i))
	}
	kept, tooLong := s.Kept()
	total := 0
	for _, k := range kept {
		total += k.Bytes
	}
	if total > 1<<20 || tooLong != 0 {
		t.Errorf("%d bytes, %d too long", total, tooLong)
	}
	if k := kept[Notable]; k.Events != 1 || k.Overwritten != 0 {
		t.Errorf("notable: %+v", k)
	}
	r, k := kept[Refused], kept[Passed]
	if r.Overwritten == 0 || r.Events+int(r.Overwritten) != 2*n {
		t.Errorf("refused: %+v", r)
	}
	if k.Overwritten == 0 || k.Events+int(k.Overwritten) != n {
		t.Errorf("passed: %+v", k)
	}
	for query, want := range map[string]int{
		"verdict=refused": r.Events / 2, "kind=security": 1, "verdict=block": 1, "verdict=pass": k.Events + (r.Events+1)/2, "rule=942100": 1,
	} {
		most := find(t, s, query, "", 1_000_000)
		if n := len(most.Entries); n < want-1 || n > want+1 {
			t.Errorf("%s: %d events, want about %d", query, n, want)
		}
	}
	var got int
	for cursor, again := "", true; again; again = cursor != "" {
		page := find(t, s, "kind=access", cursor, 1000)
		got, cursor = got+len(page.Entries), page.Next
	}
	if got != k.Events+r.Events {
		t.Errorf("%d events are found, %d are kept", got, k.Events+r.Events)
	}
	s.Add(append(blocked(1), bytes.Repeat([]byte("x"), maxSegment)...))
	if _, tooLong := s.Kept(); tooLong != 1 {
		t.Errorf("%d too long", tooLong)
	}
}

func TestCursors(t *testing.T) {
	s := NewStore(1 << 20)
	s.Add(blocked(1))
	for _, cursor := range []string{"x", "-", "-1", s.id + "-", s.id + "-!", s.id + "-" + strings.Repeat("z", 100), s.id + "-zzzzzzzzzzzzzzzzzzz"} {
		if _, err := s.Find(t.Context(), &Filter{}, cursor, 1, long); err == nil || errors.Is(err, ErrForeign) {
			t.Errorf("%q: %v", cursor, err)
		}
	}
	if _, err := s.Find(t.Context(), &Filter{}, "other-1", 1, long); !errors.Is(err, ErrForeign) {
		t.Errorf("of another process: %v", err)
	}
}

// TestReadersAndWriters has readers see whole events while others come and old ones are written over.
func TestReadersAndWriters(t *testing.T) {
	s := NewStore(256 << 10)
	var work sync.WaitGroup
	stop := make(chan struct{})
	for w := range 2 {
		work.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if line := passed(i); w == 0 {
					s.Add(blocked(i))
				} else {
					s.Add(line)
				}
			}
		})
	}
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for range 30 {
				f := Filter{}
				page, err := s.Find(t.Context(), &f, "", 10_000, long)
				if err != nil && !errors.Is(err, ErrBusy) {
					t.Error(err)
				}
				for _, e := range page.Entries {
					if !json.Valid(e.Line) {
						t.Errorf("torn: %q", e.Line)
						return
					}
				}
			}
		})
	}
	readers.Wait()
	close(stop)
	work.Wait()
}

func TestTooManyAskAtOnce(t *testing.T) {
	s := NewStore(1 << 20)
	for range maxAsking {
		s.asking <- struct{}{}
	}
	if _, err := s.Find(t.Context(), &Filter{}, "", 1, time.Millisecond); !errors.Is(err, ErrBusy) {
		t.Errorf("%v", err)
	}
	if _, err := s.Count(t.Context(), &Filter{}, "rule", 1, time.Millisecond); !errors.Is(err, ErrBusy) {
		t.Errorf("%v", err)
	}
	left, leave := context.WithCancel(t.Context())
	leave()
	if _, err := s.Find(left, &Filter{}, "", 1, long); !errors.Is(err, context.Canceled) {
		t.Errorf("who has left waits: %v", err)
	}
	go s.leave() // somebody else is done
	if _, err := s.Find(t.Context(), &Filter{}, "", 1, long); err != nil {
		t.Errorf("who waits is not served: %v", err)
	}
}

// TestTimeIsOver ends a question that takes too long with what it has, and a cursor to go on from.
func TestTimeIsOver(t *testing.T) {
	s := NewStore(4 << 20)
	const n = 3000
	for i := range n {
		s.Add(blocked(i))
	}
	f := Filter{Texts: []string{"nowhere"}}
	looked, rounds := 0, 0
	for cursor := ""; ; rounds++ {
		page, err := s.Find(t.Context(), &f, cursor, 10, -1)
		if err != nil || len(page.Entries) != 0 {
			t.Fatal(page, err)
		}
		looked += page.Looked
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if looked != n || rounds != n/slice {
		t.Errorf("looked at %d in %d rounds", looked, rounds)
	}
}

func TestCount(t *testing.T) {
	s := NewStore(1 << 20)
	for i := range 10 {
		s.Add(blocked(i))
		s.Add(event("security", 100+i, `"route":"`+string(rune('a'+i))+`","verdict":"would_block","rules":[{"id":920100,"message":"m"},{"id":920100},{"id":942100}],`))
	}
	top, err := s.Count(t.Context(), &Filter{}, "rule", 1, long)
	if err != nil || len(top.Rows) != 1 || top.Others != 10 || top.Looked != 20 {
		t.Fatalf("%+v, %v", top, err)
	}
	if r := top.Rows[0]; r.Value != "942100" || r.Count != 20 || r.Blocked != 10 || r.First != "2026-11-30T20:00:00.000Z" || r.Last != "2026-11-30T20:01:49.000Z" {
		t.Errorf("%+v", r)
	}
	if top, _ := s.Count(t.Context(), &Filter{}, "route", 20, long); len(top.Rows) != 11 || top.Rows[0].Value != "shop" {
		t.Errorf("%+v", top)
	}
	if _, err := s.Count(t.Context(), &Filter{}, "password", 1, long); err == nil {
		t.Error("by anything")
	}
}
