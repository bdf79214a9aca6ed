package recent

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func follow(t *testing.T, s *Store, f Filter, cursor string) *Follower {
	t.Helper()
	n, err := s.Follow(&f, cursor)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStore(1 << 20)
		s.Add(blocked(0))
		n := follow(t, s, Filter{Kinds: []string{"security"}}, "")
		go func() {
			time.Sleep(time.Second) // of the bubble's clock
			s.Add(blocked(1))
			s.Add(passed(2))
			s.Add(blocked(3))
		}()
		found, missed := n.Next(t.Context(), time.Minute)
		if got := ids(Page{Entries: found}); !slices.Equal(got, []string{"r1", "r3"}) || missed != 0 {
			t.Errorf("%v, missed %d", got, missed)
		}
		began := time.Now()
		if found, missed := n.Next(t.Context(), 15*time.Second); found != nil || missed != 0 || time.Since(began) != 15*time.Second {
			t.Errorf("%v, %d, after %s", found, missed, time.Since(began))
		}
		again := follow(t, s, Filter{}, found[0].ID)
		found, missed = again.Next(t.Context(), time.Minute)
		if got := ids(Page{Entries: found}); !slices.Equal(got, []string{"r2", "r3"}) || missed != 0 {
			t.Errorf("behind a cursor: %v, missed %d", got, missed)
		}
		other := follow(t, s, Filter{}, "other-zz")
		if found, _ := other.Next(t.Context(), time.Minute); len(found) != 4 {
			t.Errorf("behind a cursor of another process: %v", ids(Page{Entries: found}))
		}
	})
}

// TestSlowFollower is told exactly how many events it has not got.
func TestSlowFollower(t *testing.T) {
	s := NewStore(1 << 20)
	n := follow(t, s, Filter{Kinds: []string{"security"}}, "")
	all := 0
	for round := range 5 {
		total := []int{10, 6000, 1, 999, 3000}[round]
		for i := range total {
			s.Add(blocked(i))
			s.Add(passed(i))
		}
		all += total
	}
	found, missed := n.Next(t.Context(), time.Minute)
	if len(found)+int(missed) != all || missed == 0 || len(found) == 0 {
		t.Errorf("%d events, %d missed, of %d", len(found), missed, all)
	}
	if last := found[len(found)-1]; idOf(last.Line) != "r2999" {
		t.Errorf("the newest is %s", last.Line)
	}
	s.Add(blocked(5))
	if found, missed := n.Next(t.Context(), time.Minute); len(found) != 1 || missed != 0 {
		t.Errorf("afterwards: %d, missed %d", len(found), missed)
	}
}

// TestResumedFollower begins with events of before, and is told exactly how many it has not got: that are more than it looks at, or
// are written over.
func TestResumedFollower(t *testing.T) {
	for _, one := range []struct {
		about  string
		memory int
		events int
	}{
		{"a few", 1 << 20, 100},
		{"more than are looked at", 64 << 20, followLooked + 20_000},
		{"more than are kept", 1 << 20, 20_000},
	} {
		t.Run(one.about, func(t *testing.T) {
			s := NewStore(one.memory)
			s.Add(passed(0))
			s.Add(blocked(0))
			page := find(t, s, "", "", 1)
			for i := range one.events {
				s.Add(passed(i))
				if i%2 == 0 {
					s.Add(blocked(i))
				}
			}
			n := follow(t, s, Filter{}, page.Entries[0].ID)
			s.Add(blocked(0))
			want := one.events + (one.events+1)/2 + 1
			found, missed := n.Next(t.Context(), time.Minute)
			if len(found)+int(missed) != want {
				t.Errorf("%d events, %d missed, of %d", len(found), missed, want)
			}
			notable := follow(t, s, Filter{Kinds: []string{"security"}}, page.Entries[0].ID)
			kept, _ := s.Kept()
			want, over := (one.events+1)/2+1, 0
			if kept[Notable].Overwritten > 0 { // it may have lost some of those that are kept elsewhere, too
				over = int(kept[Notable].Overwritten)
			}
			found, missed = notable.Next(t.Context(), time.Minute)
			if got := len(found) + int(missed); got < want || got > want+over {
				t.Errorf("of one part: %d events, %d missed, of %d", len(found), missed, want)
			}
			s.Add(blocked(1))
			if found, missed := n.Next(t.Context(), time.Minute); len(found) != 1 || missed != 0 {
				t.Errorf("afterwards: %d, missed %d", len(found), missed)
			}
		})
	}
}

func TestTooManyFollow(t *testing.T) {
	s := NewStore(1 << 20)
	for range maxFollowing {
		follow(t, s, Filter{}, "")
	}
	if _, err := s.Follow(&Filter{}, ""); !errors.Is(err, ErrCrowded) {
		t.Errorf("%v", err)
	}
}

// TestFollowersAreFree has many that never read.
func TestFollowersAreFree(t *testing.T) {
	s := NewStore(256 << 10)
	for range maxFollowing {
		follow(t, s, Filter{Texts: []string{"x"}}, "")
	}
	line := []byte(fmt.Sprintf(`{"event":"security","text":"%01000d"}`, 1))
	for range 100 {
		s.Add(line)
	}
	if got := testing.AllocsPerRun(1000, func() { s.Add(line) }); got > 0.1 {
		t.Errorf("%.1f allocations for each event", got)
	}
}
