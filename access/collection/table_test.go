package collection

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/waf/kept"
)

// clock is one that tests set.
type clock struct{ now atomic.Int64 }

func (c *clock) Now() time.Time          { return time.Unix(0, c.now.Load()) }
func (c *clock) pass(d time.Duration)    { c.now.Add(int64(d)) }
func newClock() *clock                   { c := &clock{}; c.now.Store(1_700_000_000e9); return c }
func key(name string) kept.Key           { return kept.NewKey(kept.IP, name) }
func add(name string, n int64) kept.Step { return kept.Step{Name: name, Op: kept.Add, N: n} }
func change(k kept.Key, steps ...kept.Step) kept.Change {
	return kept.Change{Key: k, Timeout: time.Hour, Steps: steps}
}

func TestTable(t *testing.T) {
	c := newClock()
	table := New(Options{Now: c.Now})
	k := key("192.0.2.1")
	if l := table.Load(k); !l.New || l.Updates != 0 || !l.Created.Equal(c.Now()) {
		t.Errorf("of nobody: %+v", l)
	}
	table.Change(change(k, add("n", 2), kept.Step{Name: "flag", Op: kept.Set, Text: "1", Expire: time.Minute}, kept.Step{Name: "none", Expire: time.Minute}))
	c.pass(30 * time.Second)
	table.Change(change(k, add("n", 3), add("m", -5)))
	l := table.Load(k)
	want := map[string]string{"n": "5", "m": "0", "flag": "1"}
	if l.New || l.Updates != 2 || l.Updated.Sub(l.Created) != 30*time.Second || l.Timeout != time.Hour || !maps.Equal(l.Variables, want) {
		t.Errorf("%+v, want %v", l, want)
	}
	c.pass(30 * time.Second)
	if _, ok := table.Load(k).Variables["flag"]; ok {
		t.Error("a variable outlives its time")
	}
	if l.Variables["flag"] != "1" {
		t.Error("what was loaded has changed")
	}
	table.Change(change(k, kept.Step{Name: "n", Op: kept.Remove}))
	if l := table.Load(k); !maps.Equal(l.Variables, map[string]string{"m": "0"}) {
		t.Errorf("without n: %v", l.Variables)
	}
	c.pass(time.Hour)
	if l := table.Load(k); !l.New {
		t.Errorf("a collection outlives its time: %+v", l)
	}
	if f := table.Figures(); f.Keys != 0 || f.Bytes != 0 {
		t.Errorf("%+v", f)
	}
}

// TestBounds has more clients than there is room for, and more variables.
func TestBounds(t *testing.T) {
	table := New(Options{Keys: 160, Bytes: 1 << 20})
	busy := key("busy")
	for i := range 100_000 {
		table.Change(change(key(strconv.Itoa(i)), add("n", 1)))
		table.Change(change(busy, add("n", 1)))
	}
	f := table.Figures()
	if f.Keys > 160 || f.Keys < 100 || f.Evicted < 99_000 {
		t.Errorf("%+v", f)
	}
	if got := table.Load(busy).Variables["n"]; got != "100000" {
		t.Errorf("who comes again and again has %s", got)
	}
	for i := range 2 * kept.MaxVariables {
		table.Change(change(busy, add(fmt.Sprint("v", i), 1)))
	}
	if n := len(table.Load(busy).Variables); n != kept.MaxVariables || table.Figures().Refused == 0 {
		t.Errorf("%d variables, %+v", n, table.Figures())
	}
	big := make([]byte, kept.MaxValue)
	for i := range 10_000 {
		table.Change(change(key("big"+strconv.Itoa(i)), kept.Step{Name: "v", Op: kept.Set, Text: string(big)}))
	}
	if f := table.Figures(); f.Bytes > 1<<20 {
		t.Errorf("%+v", f)
	}
}

// shop is a store that two tables share.
type shop struct {
	mu     sync.Mutex
	away   bool
	clock  *clock
	all    map[kept.Key]*entry
	loads  int
	ignore atomic.Int64
}

var errAway = errors.New("away")

func (s *shop) Up() bool { return true }

func (s *shop) Load(_ context.Context, k kept.Key) (Shared, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads++
	return s.shared(k)
}

func (s *shop) shared(k kept.Key) (out Shared, err error) {
	if s.away {
		return Shared{}, errAway
	}
	e := s.all[k]
	if e == nil {
		return Shared{}, nil
	}
	out = Shared{Created: e.created, Updated: e.updated, Updates: e.updates, Timeout: e.timeout, Variables: map[string]SharedVariable{}}
	for name, v := range e.variables {
		if !v.ends.IsZero() && !v.ends.After(s.clock.Now()) {
			continue
		}
		sv := SharedVariable{Value: v.value}
		if !v.ends.IsZero() {
			sv.Left = v.ends.Sub(s.clock.Now())
		}
		out.Variables[name] = sv
	}
	return out, nil
}

func (s *shop) Change(_ context.Context, k kept.Key, sum Sum) (Shared, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return Shared{}, errAway
	}
	if s.all[k] == nil {
		s.all[k] = &entry{key: k, variables: map[string]variable{}}
	}
	s.all[k].apply(&sum, s.clock.Now(), &s.ignore)
	return s.shared(k)
}

func settle(t *testing.T, tables ...*Table) {
	t.Helper()
	for _, table := range tables {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		table.Close(ctx)
		cancel()
		if f := table.Figures(); f.Waiting > 0 {
			t.Fatalf("%+v", f)
		}
	}
}

// countBoth has both tables count to 500 at the same time.
func countBoth(k kept.Key, a, b *Table) {
	var both sync.WaitGroup
	for _, table := range []*Table{a, b} {
		both.Go(func() {
			for range 500 {
				table.Load(k)
				table.Change(change(k, add("n", 1)))
			}
		})
	}
	both.Wait()
}

// TestReplicas has two tables count the same clients at the same time.
func TestReplicas(t *testing.T) {
	c := newClock()
	s := &shop{clock: c, all: map[kept.Key]*entry{}}
	a, b := New(Options{Now: c.Now, Store: s}), New(Options{Now: c.Now, Store: s})
	k := key("192.0.2.1")
	countBoth(k, a, b)
	settle(t, a, b)
	c.pass(Fresh)
	for _, table := range []*Table{a, b} {
		if l := table.Load(k); l.Variables["n"] != "1000" || l.Updates != 1000 {
			t.Errorf("%+v", l)
		}
	}
	asked := s.loads
	for range 100 {
		a.Load(k)
	}
	if s.loads != asked {
		t.Errorf("asked %d times more for what is fresh", s.loads-asked)
	}
	a.Change(change(k, kept.Step{Name: "block", Op: kept.Set, Text: "1", Expire: time.Minute}, kept.Step{Name: "n", Op: kept.Remove}))
	settle(t, a)
	c.pass(Fresh)
	if l := b.Load(k); !maps.Equal(l.Variables, map[string]string{"block": "1"}) {
		t.Errorf("the other knows %v", l.Variables)
	}
	c.pass(time.Minute)
	if l := b.Load(k); len(l.Variables) > 0 {
		t.Errorf("the other knows still %v", l.Variables)
	}
}

// TestAway counts alone while the store is away, and gives it what was counted when it is back.
func TestAway(t *testing.T) {
	c := newClock()
	s := &shop{clock: c, all: map[kept.Key]*entry{}}
	var failures atomic.Int64
	a := New(Options{Now: c.Now, Store: s, Failed: func(error) { failures.Add(1) }})
	b := New(Options{Now: c.Now, Store: s})
	k := key("192.0.2.1")
	b.Change(change(k, add("n", 10)))
	settle(t, b)
	s.mu.Lock()
	s.away = true
	s.mu.Unlock()
	for i := range 20 {
		if l := a.Load(k); i > 0 && l.Variables["n"] != strconv.Itoa(i) {
			t.Fatalf("%d: %v", i, l.Variables)
		}
		a.Change(change(k, add("n", 1)))
		c.pass(Fresh)
	}
	if failures.Load() == 0 || a.Figures().Failed == 0 {
		t.Error("nobody was told")
	}
	s.mu.Lock()
	s.away = false
	s.mu.Unlock()
	a.Change(change(k, add("n", 1)))
	settle(t, a)
	if l := a.Load(k); l.Variables["n"] != "31" || l.Updates != 22 {
		t.Errorf("together %+v", l)
	}
}

// TestTooMuchWaits bounds what waits for a store that is away.
func TestTooMuchWaits(t *testing.T) {
	s := &shop{clock: newClock(), away: true, all: map[kept.Key]*entry{}}
	table := New(Options{Store: s})
	for i := range mostWaiting + 100 {
		table.Change(change(key(strconv.Itoa(i)), add("n", 1)))
	}
	if f := table.Figures(); f.Waiting != mostWaiting || f.Dropped != 100 {
		t.Errorf("%+v", f)
	}
}

func TestThen(t *testing.T) {
	at := time.Unix(1000, 0)
	set := func(text string) Step { return Step{Step: kept.Step{Name: "x", Op: kept.Set, Text: text}} }
	plus := func(n int64) Step { return Step{Step: add("x", n)} }
	remove := Step{Step: kept.Step{Name: "x", Op: kept.Remove}}
	expire := Step{Step: kept.Step{Name: "x"}, Ends: at}
	ends := func(s Step) Step { s.Ends = at; return s }
	for _, tt := range []struct{ a, b, want Step }{
		{plus(1), plus(2), plus(3)}, {set("4"), plus(2), set("6")}, {set("a"), plus(2), set("2")}, {remove, plus(-2), set("0")},
		{plus(1), set("b"), set("b")}, {set("b"), remove, remove}, {Step{}, expire, expire}, {plus(1), expire, ends(plus(1))},
		{ends(plus(1)), plus(1), ends(plus(2))}, {ends(set("1")), remove, remove}, {expire, plus(1), ends(plus(1))},
	} {
		if got := tt.a.then(tt.b); got.Op != tt.want.Op || got.Text != tt.want.Text && got.Op == kept.Set || got.N != tt.want.N && got.Op == kept.Add || !got.Ends.Equal(tt.want.Ends) {
			t.Errorf("%+v then %+v: %+v, want %+v", tt.a, tt.b, got, tt.want)
		}
	}
}

func BenchmarkTable(b *testing.B) {
	table := New(Options{})
	k := key("192.0.2.1")
	b.ReportAllocs()
	for b.Loop() {
		table.Load(k)
		table.Change(change(k, add("n", 1)))
	}
}
