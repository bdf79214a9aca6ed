package recent

import (
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"
)

// clock is the time of a test.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func line(t *testing.T) (*Timeline, *clock) {
	t.Helper()
	c := &clock{time.Date(2026, 11, 30, 20, 0, 0, 0, time.UTC)}
	return newTimeline(Words{Verdicts: []string{"pass", "block"}, Coverage: []string{"full", "none"}, Missed: []string{"files", "off"}, Screened: []string{"off", "clean"}}, c.now), c
}

// pass lets time pass, as Run sees it.
func pass(l *Timeline, c *clock, d time.Duration) {
	c.at = c.at.Add(d)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.roll(c.at)
}

func TestTimeline(t *testing.T) {
	l, c := line(t)
	shop, none := l.Route("shop"), l.Route("")
	if l.Route("shop") != shop {
		t.Error("the same route has other counters")
	}
	shop.Done(&Outcome{Verdict: 0, Coverage: 0, Missed: -1, Screened: 1, Status: 200}, time.Millisecond)
	shop.Done(&Outcome{Verdict: 1, Coverage: 0, Missed: -1, Screened: 0, Status: 403}, 30*time.Millisecond)
	shop.Done(&Outcome{Coverage: 1, Missed: 1, Unseen: true, Screened: -1, Status: 200}, 0)
	shop.Done(&Outcome{Coverage: 1, Missed: 0, Screened: -1, Status: 200}, 0)
	pass(l, c, Step)
	none.Done(&Outcome{Verdict: 1, Coverage: 1, Missed: -1, Screened: -1, Status: 0}, time.Hour)
	c.at = c.at.Add(Step / 2)
	for range 3 { // reading changes nothing
		got := l.Read(c.at.Add(-time.Minute), Step, nil)
		if n := len(got.Points); n != 7 {
			t.Fatalf("%d points", n)
		}
		for i, want := range []uint64{0, 0, 0, 0, 0, 4, 1} {
			if n := l.Requests(got.Points[i].Counts); n != want {
				t.Errorf("point %d has %d requests", i, n)
			}
		}
		told := l.Tell(got.Total)
		if told.Requests != 5 || told.Unseen != 1 || !reflect.DeepEqual(told.Verdicts, map[string]uint64{"pass": 3, "block": 2}) ||
			!reflect.DeepEqual(told.Coverage, map[string]uint64{"full": 2, "none": 3}) ||
			!reflect.DeepEqual(told.Missed, map[string]uint64{"files": 1, "off": 1}) ||
			!reflect.DeepEqual(told.Screened, map[string]uint64{"off": 1, "clean": 1}) ||
			!reflect.DeepEqual(told.Statuses, map[string]uint64{"none": 1, "2xx": 3, "4xx": 1}) {
			t.Errorf("%+v", told)
		}
		if len(got.Routes) != 2 || got.Routes[0].Route != "shop" || got.Routes[0].Line[5] != [2]uint64{4, 1} {
			t.Errorf("%+v", got.Routes)
		}
	}
	for _, from := range []time.Time{c.at.Add(time.Nanosecond), c.at.Add(time.Hour), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)} {
		if got := l.Read(from, Step, nil); len(got.Points) != 1 {
			t.Errorf("from %s on: %d points", from, len(got.Points))
		}
	}
	if got := l.Read(time.Time{}, Step, nil); len(got.Points) != Steps || l.Requests(got.Total) != 5 {
		t.Errorf("since ever: %d points, %d requests", len(got.Points), l.Requests(got.Total))
	}
	id := "shop"
	if got := l.Read(c.at.Add(-time.Minute), time.Minute, &id); l.Requests(got.Total) != 4 || len(got.Routes) != 1 {
		t.Errorf("of one route: %+v", got)
	}
	c.at = c.at.Add(2 * time.Hour)
	if got := l.Read(c.at.Add(-3*time.Hour), time.Minute, nil); l.Requests(got.Total) != 0 || len(got.Points) != 60 && len(got.Points) != 61 {
		t.Errorf("after two hours: %d requests in %d points", l.Requests(got.Total), len(got.Points))
	}
}

// TestManyRoutes has routes make room for each other, and totals stay.
func TestManyRoutes(t *testing.T) {
	l, c := line(t)
	const routes, buckets = 700, 300
	for range buckets {
		for r := range routes {
			l.Route(fmt.Sprint("route-", r)).Done(&Outcome{Verdict: r % 2, Coverage: 0, Missed: -1, Screened: 1, Status: 200}, time.Millisecond)
		}
		pass(l, c, Step)
	}
	got := l.Read(c.at.Add(-time.Hour), time.Minute, nil)
	if n := l.Requests(got.Total); n != routes*buckets {
		t.Errorf("%d requests", n)
	}
	if l.detail > maxDetail || len(got.Routes) != routes || !got.RoutesFrom.After(got.Points[0].Time.Add(10*time.Minute)) {
		t.Errorf("%d bytes, %d routes since %s", l.detail, len(got.Routes), got.RoutesFrom)
	}
}

func TestForgottenRoutes(t *testing.T) {
	l, c := line(t)
	l.Route("old").Done(&Outcome{Verdict: 0, Coverage: 0, Missed: -1, Screened: 0, Status: 200}, 0)
	l.Keep(func(id string) bool { return false })
	pass(l, c, Step)
	if len(l.counters) != 0 {
		t.Errorf("%d routes are there", len(l.counters))
	}
	if got := l.Read(c.at.Add(-time.Hour), time.Minute, nil); l.Requests(got.Total) != 1 {
		t.Errorf("%d requests", l.Requests(got.Total))
	}
}

func TestQuantile(t *testing.T) {
	l, c := line(t)
	for ms := range 1000 {
		l.Route("r").Done(&Outcome{Verdict: 0, Coverage: 0, Missed: -1, Screened: 0, Status: 200}, time.Duration(ms+1)*time.Millisecond)
	}
	latency := l.Tell(l.Read(c.at.Add(-time.Minute), Step, nil).Total).Latency
	for share, want := range map[float64]float64{0.5: 500, 0.95: 950, 0.99: 990} {
		if got := Quantile(latency, share); math.Abs(got-want)/want > 0.2 {
			t.Errorf("%.2f: %.0f ms, want about %.0f", share, got, want)
		}
	}
	if got, want := Quantile(append(latency, 1, 2, 3), 0.5), Quantile(latency, 0.5); got != want {
		t.Errorf("with counts beyond all bounds: %.0f, want %.0f", got, want)
	}
	if Quantile(nil, 0.5) != 0 {
		t.Error("of nothing")
	}
}

// TestCountingAllocatesNothing is on the path of requests.
func TestCountingAllocatesNothing(t *testing.T) {
	l, _ := line(t)
	r := l.Route("shop")
	r.Done(&Outcome{Verdict: 0, Coverage: 0, Missed: -1, Screened: 1, Status: 200}, time.Millisecond)
	if n := testing.AllocsPerRun(100, func() {
		r.Done(&Outcome{Verdict: 0, Coverage: 0, Missed: -1, Screened: 1, Status: 200}, time.Millisecond)
	}); n != 0 {
		t.Errorf("%.1f allocations", n)
	}
}
