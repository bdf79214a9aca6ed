package proxy

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func clientNumber(i int) who {
	return who{client: netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 32)}
}

// lanes has clients, named by letters, wait at a lane of a bulkhead. Those named by capitals are suspects, and digits
// are connections that are vouched for: 1 is one of A.
type lanes struct {
	t     *testing.T
	b     *bulkhead
	l     lane
	order []string // in which they were given places
	shed  []string
}

func (s *lanes) who(name string) who {
	switch c := name[0]; {
	case c <= '9':
		w := clientNumber(int(c - '1' + 'a'))
		w.class = vouched
		return w
	case c <= 'Z':
		w := clientNumber(int(c - 'A' + 'a'))
		w.class = suspected
		return w
	default:
		return clientNumber(int(c))
	}
}

// queue has each of them wait; who is given a place keeps it.
func (s *lanes) queue(names string) {
	for name := range strings.SplitSeq(names, "") {
		go func() {
			if s.b.enter(&s.l, s.who(name)) {
				s.order = append(s.order, name)
			} else {
				s.shed = append(s.shed, name)
			}
		}()
		synctest.Wait()
	}
}

// serve ends each inspection in the order in which they began, and returns that order.
func (s *lanes) serve() string {
	for i := 0; i < len(s.order); i++ {
		s.b.leave(&s.l, s.who(s.order[i]).client)
		synctest.Wait()
	}
	if s.l.held != 0 || s.l.waiting != 0 || len(s.l.guests) != 0 || s.b.queued() != 0 || s.b.turn.first != nil {
		s.t.Errorf("left behind: %+v", s.l)
	}
	return strings.Join(s.order, "")
}

func laneTest(t *testing.T, name string, places, depth int, f func(t *testing.T, s *lanes)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f(t, &lanes{t: t, b: newBulkhead(places, depth, time.Minute)})
		})
	})
}

func TestLaneIsFairToClients(t *testing.T) {
	for _, tt := range []struct {
		name, asked string
		places      int
		want        string
	}{
		{"in turn", "aaaaabbc", 2, "aabcabaa"},
		{"one alone may have all places", "aaaaaa", 5, "aaaaaa"},
		{"half of the places while others wait", "aaaaaabbb", 5, "aaaabbaab"},
		{"suspects behind all others", "aBBBcaca", 2, "acacaBBB"},
		{"before its address, who is vouched for", "BBB2B2a2", 2, "Ba222BBB"},
	} {
		laneTest(t, tt.name, tt.places, 64, func(t *testing.T, s *lanes) {
			s.queue(tt.asked)
			if got := s.serve(); got != tt.want || len(s.shed) > 0 {
				t.Errorf("%s were served in the order %s, want %s; %v shed", tt.asked, got, tt.want, s.shed)
			}
		})
	}
}

func TestLaneSharesItsQueue(t *testing.T) {
	for _, tt := range []struct{ name, asked, shed, served string }{
		{"its own newest", "aaaaaaa", "aa", "aaaaa"},
		{"that of whom has most", "aaaaabcdef", "aaaef", "aabcd"},
		{"not that of whom has as many", "abbccddbc", "bdbc", "abcdc"},
		{"suspects first", "abbCcC", "C", "abcbC"},
		{"a suspect displaces nobody", "abbbbB", "B", "abbbb"},
		{"its own suspects for who is vouched for", "BBBBB22", "BB", "B22BB"},
		{"those who are vouched for before the honest", "a2222bc", "22", "abc22"},
		{"nobody honest for who is vouched for", "abcde2", "2", "abcde"},
	} {
		laneTest(t, tt.name, 2, 4, func(t *testing.T, s *lanes) {
			s.queue(tt.asked)
			shed := strings.Join(s.shed, "")
			if got := s.serve(); shed != tt.shed || got != tt.served {
				t.Errorf("%s: shed %s, want %s; served %s, want %s", tt.asked, shed, tt.shed, got, tt.served)
			}
		})
	}
}

// A suspect is not even screened while others fill the queue, and is while it fills the queue alone.
func TestLaneShedsSuspects(t *testing.T) {
	laneTest(t, "", 2, 3, func(t *testing.T, s *lanes) {
		b := s.who("B")
		check := func(want bool) {
			t.Helper()
			if got := s.b.sheds(&s.l, b); got != want {
				t.Errorf("%d wait: sheds %v, want %v", s.l.waiting, got, want)
			}
		}
		check(false)
		s.queue("BBB")
		check(false)
		s.queue("B")
		check(false)
		s.queue("a") // displaces one
		check(true)
		s.serve()
		check(false)
	})
}

// Of an address that fills the queue alone, the connections that attacks have come from are shed, as long as most of
// it is full.
func TestLaneShedsConnections(t *testing.T) {
	laneTest(t, "", 2, 4, func(t *testing.T, s *lanes) {
		again := s.who("B")
		again.again = true
		check := func(waiting int, want bool) {
			t.Helper()
			if s.l.waiting != waiting {
				t.Fatalf("%d wait, want %d", s.l.waiting, waiting)
			}
			if s.b.sheds(&s.l, s.who("B")) {
				t.Errorf("%d wait: sheds other connections", waiting)
			}
			if got := s.b.sheds(&s.l, again); got != want {
				t.Errorf("%d wait: sheds %v, want %v", waiting, got, want)
			}
		}
		next := func() {
			s.b.leave(&s.l, again.client)
			synctest.Wait()
		}
		s.queue("BBBB")
		check(3, false)
		s.queue("B")
		check(4, true)
		next()
		check(3, false) // a quarter is free
		s.queue("B")
		check(4, true)
		s.order = s.order[:1]
		s.serve()
		check(0, false)
	})
}

// Responses are displaced by nobody.
func TestLaneKeepsResponses(t *testing.T) {
	laneTest(t, "", 2, 2, func(t *testing.T, s *lanes) {
		s.queue("a")
		for range 4 {
			go func() {
				s.b.enterLate(&s.l, s.who("a").client)
				s.order = append(s.order, "a")
			}()
		}
		synctest.Wait()
		s.queue("bb")
		if !slices.Equal(s.shed, []string{"b", "b"}) {
			t.Errorf("%v shed", s.shed)
		}
		if got := s.serve(); got != "aaaaa" {
			t.Errorf("served %s", got)
		}
	})
}

func TestSuspects(t *testing.T) {
	var s suspects
	now := time.Now()
	a, b := clientNumber(1).client, clientNumber(2).client
	is := func(client netip.Prefix, want bool) {
		t.Helper()
		if got := s.has(client, now); got != want {
			t.Errorf("%s is a suspect: %v, want %v", client, got, want)
		}
	}
	s.passed(a, now)
	is(a, false)
	s.blocked(a, now)
	is(a, false) // once is no habit
	s.blocked(a, now)
	is(a, true)
	is(b, false)
	s.passed(a, now)
	is(a, false)
	for range 100 {
		s.blocked(a, now)
	}
	now = now.Add(19 * time.Second)
	is(a, true)
	now = now.Add(2 * time.Second)
	is(a, false)
	for range 100 { // an office with one attacker
		s.blocked(b, now)
		for range 5 {
			s.passed(b, now)
		}
		is(b, false)
	}
	for range 8 {
		s.passed(a, now)
	}
	if len(s.clients) != 0 || s.recent.Len() != 0 || s.some.Load() {
		t.Errorf("kept: %v", s.clients)
	}
	for i := range 2 * mostSuspects {
		s.blocked(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 32), now)
	}
	if len(s.clients) != mostSuspects || s.recent.Len() != mostSuspects {
		t.Errorf("%d kept, %d", len(s.clients), s.recent.Len())
	}
}
