package metrics

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// slowCollector takes a while, and counts.
type slowCollector struct {
	takes   time.Duration
	at      atomic.Int64 // how often it has begun
	now     atomic.Int64 // how many gather at this time
	overlap atomic.Bool
}

func (*slowCollector) desc() *prometheus.Desc {
	return prometheus.NewDesc("wafer_begun", "Begun.", nil, nil)
}
func (c *slowCollector) Describe(to chan<- *prometheus.Desc) { to <- c.desc() }
func (c *slowCollector) Collect(to chan<- prometheus.Metric) {
	if c.now.Add(1) > 1 {
		c.overlap.Store(true)
	}
	n := c.at.Add(1)
	time.Sleep(c.takes)
	c.now.Add(-1)
	to <- prometheus.MustNewConstMetric(c.desc(), prometheus.GaugeValue, float64(n))
}

func slowRegistry(takes time.Duration) (*Registry, *slowCollector) {
	c := &slowCollector{takes: takes}
	registry := NewRegistry()
	registry.MustRegister(c)
	return registry, c
}

// Those who ask while metrics are gathered share what is gathered next, and nobody is shown what was before.
func TestScrapesAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry, c := slowRegistry(50 * time.Millisecond) // of the bubble's clock
		var all sync.WaitGroup
		ask := func(want string) {
			all.Go(func() {
				if lines := linesOf(scrape(t, registry, nil), "wafer_begun"); len(lines) != 1 || lines[0] != want {
					t.Errorf("%q, want %q", lines, want)
				}
			})
		}
		ask("wafer_begun 1")
		synctest.Wait()
		for range 100 {
			ask("wafer_begun 2")
		}
		left, leave := context.WithCancel(t.Context())
		all.Go(func() {
			w := httptest.NewRecorder()
			registry.ServeHTTP(w, httptest.NewRequestWithContext(left, http.MethodGet, "/metrics", nil), func(error) {})
			if w.Body.Len() != 0 {
				t.Errorf("who has left is shown %d bytes", w.Body.Len())
			}
		})
		synctest.Wait()
		leave()
		all.Wait()
		if n := c.at.Load(); n != 2 {
			t.Errorf("gathered %d times for 101 who asked", n)
		}
		if g := registry.gathering; len(g.held) != 0 || g.ready[form{}] != nil || g.asking[form{}] != 0 {
			t.Errorf("kept: %+v", g)
		}
	})
}

// However many ask, and in whatever form, one gathers at a time, and that takes a share of the time.
func TestScrapesTakeAShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const takes, long = 80 * time.Millisecond, time.Minute
		registry, c := slowRegistry(takes)
		ctx, cancel := context.WithTimeout(t.Context(), long)
		defer cancel()
		var all sync.WaitGroup
		for i := range 40 {
			fields := []map[string]string{nil, openMetrics, {"Accept-Encoding": "gzip"}, {"Accept": "*/*"}}[i%4]
			all.Go(func() {
				for ctx.Err() == nil {
					scrape(t, registry, fields)
				}
			})
		}
		all.Wait()
		most := int64((gatherAtOnce+long/gatherShare)/takes) + 4 // those that were asked for when the time was over
		if n := c.at.Load(); n > most || n < most/2 || c.overlap.Load() {
			t.Errorf("gathered %d times in %s, want %d at most; at the same time: %v", n, long, most, c.overlap.Load())
		}
		time.Sleep(long)
		began := time.Now()
		for range 5 {
			scrape(t, registry, nil)
		}
		if took := time.Since(began); took != 5*takes {
			t.Errorf("five in a row wait: %s", took)
		}
	})
}

// stuck is a reader who takes nothing, but for deadlines.
type stuck struct {
	http.ResponseWriter
	late chan time.Time
}

func (s *stuck) SetWriteDeadline(at time.Time) error {
	s.late <- at
	return nil
}

func (s *stuck) Write([]byte) (int, error) {
	for at := range s.late {
		if !at.After(time.Now()) {
			return 0, errors.New("too late")
		}
		select {
		case sooner := <-s.late:
			s.late <- sooner
		case <-time.After(time.Until(at)):
			return 0, errors.New("too late")
		}
	}
	return 0, nil
}

// Readers who take nothing hold few texts, and not for long: others are shown theirs at once.
func TestSlowReadersOfMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry, _ := slowRegistry(time.Millisecond)
		began := time.Now()
		var all sync.WaitGroup
		for range 10 * textsAtOnce {
			all.Go(func() {
				w := &stuck{httptest.NewRecorder(), make(chan time.Time, 10)}
				registry.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil), func(err error) { t.Error(err) })
			})
			time.Sleep(2 * time.Millisecond)
			synctest.Wait()
			if n := len(registry.gathering.held); n == 0 || n > textsAtOnce {
				t.Fatalf("%d texts are held", n)
			}
		}
		scrape(t, registry, nil)
		if took := time.Since(began); took >= takeWithin {
			t.Errorf("others wait for them: %s", took)
		}
		all.Wait()
		if n := len(registry.gathering.held); n != 0 {
			t.Errorf("%d texts are held for nobody", n)
		}
	})
}
