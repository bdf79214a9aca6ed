package rate

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/message"
)

// request is a Source: what it has of the parts, by kind and name.
type request map[string]string

func (r request) AppendPart(dst []byte, p *Part) ([]byte, bool) {
	text, ok := r[fmt.Sprint(p.Kind, p.Name)]
	return append(dst, text...), ok
}

func from(client string) request { return request{fmt.Sprint(PartClient): client} }

var byClient = []Part{{Kind: PartClient}}

// perMinute is a limit by client.
func perMinute(id string, units, burst int64) Spec {
	return Spec{ID: id, Name: id, Quota: Quota{units, time.Minute, burst}, Key: byClient, Buckets: 1000}
}

// clocked is a state whose time a test sets, and one request after the other.
type clocked struct {
	*State
	now   time.Time
	asked Asked
}

func newClocked(t *testing.T, store Store) *clocked {
	s := NewState(store)
	t.Cleanup(s.Close)
	return &clocked{State: s, now: time.Now()}
}

func (c *clocked) ask(of Source, all ...*Limit) Result {
	c.asked.Waited()
	c.asked.Reset()
	for _, l := range all {
		c.asked.Add(l, of, false)
	}
	return c.asked.Decide(context.Background(), c.State, c.now)
}

// passes is how many of so many requests pass at once.
func (c *clocked) passes(of Source, n int, all ...*Limit) (passed int) {
	for range n {
		if c.ask(of, all...).Limit == nil {
			passed++
		}
	}
	return passed
}

func TestBlock(t *testing.T) {
	s := newClocked(t, nil)
	l := s.Limit(perMinute("l", 60, 5))
	if n := s.passes(from("a"), 10, l); n != 5 {
		t.Fatalf("%d have passed, not 5", n)
	}
	if n := s.passes(from("b"), 10, l); n != 5 {
		t.Fatalf("%d of another client have passed, not 5", n)
	}
	if r := s.ask(from("a"), l); r.Limit != l || r.Why != Over || r.RetryAfter != time.Second {
		t.Fatalf("%+v", r)
	}
	s.now = s.now.Add(3 * time.Second)
	if n := s.passes(from("a"), 10, l); n != 3 {
		t.Fatalf("%d have passed after 3 s, not 3", n)
	}
}

func TestWhoeverIsRefusedIsNotCharged(t *testing.T) {
	s := newClocked(t, nil)
	wide, narrow := s.Limit(perMinute("wide", 60, 10)), s.Limit(perMinute("narrow", 60, 2))
	if n := s.passes(from("a"), 9, wide, narrow); n != 2 {
		t.Fatalf("%d have passed, not 2", n)
	}
	if n := s.passes(from("a"), 20, wide); n != 8 {
		t.Fatalf("%d were left of the other limit, not 8", n)
	}
}

func TestObserve(t *testing.T) {
	s := newClocked(t, nil)
	spec := perMinute("l", 60, 2)
	spec.Mode = Observe
	l := s.Limit(spec)
	var would int
	for range 5 {
		r := s.ask(from("a"), l)
		if r.Limit != nil {
			t.Fatal("refused")
		}
		if r.Would == l && r.WouldWhy == Over {
			would++
		}
	}
	if would != 3 {
		t.Errorf("%d would have been refused, not 3", would)
	}
	if got := s.Standings()[0].Counts; got[Observed] != 3 || got[Passed]+got[Near] != 2 {
		t.Errorf("counted: %v", got)
	}
}

func TestThrottle(t *testing.T) {
	s := newClocked(t, nil)
	spec := perMinute("l", 60, 2)
	spec.Mode, spec.Delay, spec.Waiters = Throttle, 3*time.Second, 10
	l := s.Limit(spec)
	for i, want := range []time.Duration{0, 0, time.Second, 2 * time.Second, 3 * time.Second} {
		if r := s.ask(from("a"), l); r.Limit != nil || r.Wait != want {
			t.Errorf("%d: refused: %v, waits %v, not %v", i, r.Limit != nil, r.Wait, want)
		}
	}
	if r := s.ask(from("a"), l); r.Limit != l || r.RetryAfter != time.Second {
		t.Errorf("one more: %+v", r)
	}
	if got := s.Standings()[0].Counts; got[Delayed] != 3 || got[Limited] != 1 {
		t.Errorf("counted: %v", got)
	}
}

func TestWaitersAreBounded(t *testing.T) {
	s := newClocked(t, nil)
	spec := perMinute("l", 60, 1)
	spec.Mode, spec.Delay, spec.Waiters = Throttle, time.Hour, 2
	l := s.Limit(spec)
	var waiting [3]Asked
	for i := range waiting {
		a := &waiting[i]
		a.Add(l, from("a"), false)
		if r := a.Decide(t.Context(), s.State, s.now); r.Limit != nil {
			t.Fatalf("%d: refused", i)
		}
	}
	if r := s.ask(from("a"), l); r.Limit != l {
		t.Error("one more than may waits")
	}
	if n := s.Standings()[0].Waiting; n != 2 {
		t.Errorf("%d wait, not 2", n)
	}
	for i := range waiting {
		waiting[i].Waited()
		waiting[i].Waited() // which counts once
	}
	if n := s.Standings()[0].Waiting; n != 0 {
		t.Errorf("%d wait, and nobody does", n)
	}
}

func TestMissing(t *testing.T) {
	for _, c := range []struct {
		missing Missing
		passed  int
		why     Why
	}{{Skip, 10, Within}, {Count, 2, Over}, {Deny, 0, NoKey}} {
		s := newClocked(t, nil)
		spec := perMinute("l", 60, 2)
		spec.Key, spec.Missing = []Part{{Kind: PartHeader, Name: "X-Api-Key"}, {Kind: PartClient}}, c.missing
		l := s.Limit(spec)
		if n := s.passes(from("a"), 10, l); n != c.passed {
			t.Errorf("%d: %d have passed, not %d", c.missing, n, c.passed)
		}
		if r := s.ask(from("a"), l); r.Why != c.why {
			t.Errorf("%d: %+v", c.missing, r)
		}
		with := request{fmt.Sprint(PartHeader, "X-Api-Key"): "", fmt.Sprint(PartClient): "a"}
		if n := s.passes(with, 10, l); n != 2 {
			t.Errorf("%d: an empty value is a value, and %d have passed, not 2", c.missing, n)
		}
	}
}

func TestFailuresOnly(t *testing.T) {
	s := newClocked(t, nil)
	spec := perMinute("logins", 1, 3)
	spec.Statuses = []Statuses{{401, 401}, {403, 403}}
	l := s.Limit(spec)
	answer := func(status int) bool {
		if s.ask(from("a"), l).Limit != nil {
			return false
		}
		s.asked.Done(s.State, s.now, &Outcome{Status: status})
		return true
	}
	for range 20 {
		if !answer(200) {
			t.Fatal("who succeeds is refused")
		}
	}
	for range 3 {
		if !answer(401) {
			t.Fatal("refused before three failures")
		}
	}
	if answer(200) {
		t.Fatal("not refused after three failures")
	}
	if s.now = s.now.Add(time.Minute); !answer(403) || answer(200) {
		t.Error("after a minute there is one more, and no second")
	}
}

func TestBytesAndScores(t *testing.T) {
	for _, c := range []struct {
		cost    Cost
		outcome Outcome
	}{
		{CostRequestBytes, Outcome{BytesIn: 1000, BytesOut: 1}},
		{CostResponseBytes, Outcome{BytesIn: 1, BytesOut: 1000}},
		{CostScore, Outcome{Score: 1000}},
	} {
		s := newClocked(t, nil)
		spec := Spec{ID: "l", Name: "l", Quota: Quota{100, time.Second, 500}, Key: byClient, Cost: c.cost, Buckets: 100}
		l := s.Limit(spec)
		if r := s.ask(from("a"), l); r.Limit != nil {
			t.Fatal("refused at first")
		}
		s.asked.Done(s.State, s.now, &c.outcome)
		s.asked.Done(s.State, s.now, &c.outcome) // which counts once
		r := s.ask(from("a"), l)
		if want := 5*time.Second + l.cost2(); r.Limit != l || r.RetryAfter != want {
			t.Errorf("%d: refused for %v, not for %v", c.cost, r.RetryAfter, want)
		}
		s.asked.Done(s.State, s.now, &c.outcome) // and costs nothing
		if s.now = s.now.Add(r.RetryAfter); s.ask(from("a"), l).Limit != nil {
			t.Errorf("%d: refused when its debt is paid", c.cost)
		}
	}
}

// cost2 is the cost of a unit as a time.
func (l *Limit) cost2() time.Duration { return time.Duration(l.cost) }

func TestALimitIsChangedAndForgivesNobody(t *testing.T) {
	s := newClocked(t, nil)
	old := s.Limit(perMinute("l", 60, 5))
	s.passes(from("a"), 10, old)
	l := s.Limit(perMinute("l", 60, 10))
	if n := s.passes(from("a"), 10, l); n != 5 {
		t.Errorf("%d have passed of a limit that has 5 more than before", n)
	}
	if other := s.Limit(perMinute("other", 60, 10)); s.passes(from("a"), 20, other) != 10 {
		t.Error("another limit has the same buckets")
	}
}

func TestFields(t *testing.T) {
	s := newClocked(t, nil)
	always, legacy := perMinute("a-minute", 60, 10), perMinute("of-old", 30, 4)
	always.Tell, legacy.Tell, legacy.Legacy = TellAlways, TellAlways, true
	silent := perMinute("silent", 60, 10)
	limits := []*Limit{s.Limit(always), s.Limit(legacy), s.Limit(silent)}
	told := func() string {
		var lines []string
		for _, f := range s.asked.AppendFields(message.Fields{{Name: "X", Value: "y"}})[1:] {
			lines = append(lines, f.Name+": "+f.Value)
		}
		return strings.Join(lines, "\n")
	}
	s.ask(from("a"), limits...)
	const first = `RateLimit-Policy: "a-minute";q=60;w=60, "of-old";q=30;w=60
RateLimit: "a-minute";a=9;w=1;r=9;t=1, "of-old";a=3;w=2;r=3;t=2
X-RateLimit-Limit: 30
X-RateLimit-Remaining: 3
X-RateLimit-Reset: 2`
	if got := told(); got != first {
		t.Errorf("passed:\n%s\nnot\n%s", got, first)
	}
	s.passes(from("a"), 4, limits...)
	const refused = `RateLimit-Policy: "of-old";q=30;w=60
RateLimit: "of-old";a=0;w=2;r=0;t=2
X-RateLimit-Limit: 30
X-RateLimit-Remaining: 0
X-RateLimit-Reset: 2`
	if got := told(); got != refused {
		t.Errorf("refused:\n%s\nnot\n%s", got, refused)
	}
	if s.ask(from("b"), limits[2]); told() != "" {
		t.Errorf("told by a limit that tells of refusals:\n%s", told())
	}
}

func TestKeysAreTuples(t *testing.T) {
	parts := []Part{{Kind: PartHeader, Name: "A"}, {Kind: PartHeader, Name: "B"}}
	key := func(id, a, b string) Key {
		l := &Limit{Spec: Spec{ID: id, Key: parts}}
		r := request{fmt.Sprint(PartHeader, "A"): a}
		if b != "none" {
			r[fmt.Sprint(PartHeader, "B")] = b
		}
		k, _, _ := l.key(nil, r)
		return k
	}
	seen := map[Key]string{}
	for _, c := range [][3]string{
		{"l", "a", "b"}, {"l", "ab", ""}, {"l", "", "ab"}, {"l", "ab", "none"}, {"l", "b", "a"}, {"m", "a", "b"}, {"l", "", ""}, {"l", "", "none"},
	} {
		k := key(c[0], c[1], c[2])
		if other := seen[k]; other != "" {
			t.Errorf("%q has the key of %q", c, other)
		}
		seen[k] = fmt.Sprint(c)
	}
	if again := key("l", "a", "b"); seen[again] == "" {
		t.Error("a key is not always the same")
	}
}

func TestTemplates(t *testing.T) {
	for _, c := range []struct {
		template   string
		yes, no    []string
		notAllowed bool
	}{
		{template: "/users/{id}", yes: []string{"/users/1", "/users/1/"}, no: []string{"/users", "/users/", "/users/1/orders", "/user/1", "/"}},
		{template: "/users/{id}/orders", yes: []string{"/users/1/orders"}, no: []string{"/users/1", "/users/1/orders/2"}},
		{template: "/files/{rest...}", yes: []string{"/files/a", "/files/a/b"}, no: []string{"/files", "/files/", "/"}},
		{template: "/", yes: []string{"/"}, no: []string{"/a"}},
		{template: "/login", yes: []string{"/login", "/login/"}, no: []string{"/login2", "/"}},
		{template: "users", notAllowed: true}, {template: "/{}", notAllowed: true}, {template: "/{a...}/b", notAllowed: true},
		{template: "/a{b}", notAllowed: true}, {template: "/a//b", notAllowed: true}, {template: "/a/", notAllowed: true}, {template: "/a?b", notAllowed: true},
	} {
		parsed, err := ParseTemplate(c.template)
		if (err != nil) != c.notAllowed {
			t.Errorf("%s: %v", c.template, err)
		}
		for _, path := range c.yes {
			if !parsed.Matches([]byte(path)) {
				t.Errorf("%s has not the form %s", path, c.template)
			}
		}
		for _, path := range c.no {
			if parsed.Matches([]byte(path)) {
				t.Errorf("%s has the form %s", path, c.template)
			}
		}
	}
}
