package metrics

import (
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// series are counters by what they are about, each made when it counts for the first time.
type series[K comparable] struct {
	make func(K) prometheus.Counter

	mu   sync.RWMutex
	made map[K]prometheus.Counter
}

func newSeries[K comparable](make func(K) prometheus.Counter) *series[K] {
	return &series[K]{make: make, made: map[K]prometheus.Counter{}}
}

func (s *series[K]) inc(about K) { s.of(about).Inc() }

// of is the counter of what it is about.
func (s *series[K]) of(about K) prometheus.Counter {
	s.mu.RLock()
	c := s.made[about]
	s.mu.RUnlock()
	if c == nil {
		s.mu.Lock()
		if c = s.made[about]; c == nil {
			c = s.make(about)
			s.made[about] = c
		}
		s.mu.Unlock()
	}
	return c
}

// full reports whether there are so many that another one would be too much, and none yet about this.
func (s *series[K]) full(about K, most int) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.made) >= most && s.made[about] == nil
}

// forget lets those go that are about what is gone.
func (s *series[K]) forget(gone func(K) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for about := range s.made {
		if gone(about) {
			delete(s.made, about)
		}
	}
}

// slot is a counter that is made when it counts for the first time.
type slot struct {
	made atomic.Pointer[prometheus.Counter]
}

func (s *slot) inc(make func() prometheus.Counter) { s.of(make).Inc() }

func (s *slot) add(n float64, make func() prometheus.Counter) { s.of(make).Add(n) }

func (s *slot) of(make func() prometheus.Counter) prometheus.Counter {
	c := s.made.Load()
	if c == nil {
		resolved := make()
		c = &resolved
		s.made.Store(c)
	}
	return *c
}

// histogram is one of many that are told apart by one label, made when it observes for the first time: a route that nobody
// asks costs no series.
type histogram struct {
	made atomic.Pointer[prometheus.Observer]
}

func (h *histogram) observe(all *prometheus.HistogramVec, label string, value float64) {
	h.of(all, label).Observe(value)
}

func (h *histogram) of(all *prometheus.HistogramVec, label string) prometheus.Observer {
	o := h.made.Load()
	if o == nil {
		resolved := all.WithLabelValues(label)
		o = &resolved
		h.made.Store(o)
	}
	return *o
}
