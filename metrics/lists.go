package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// List is what instruments say of a list when they are read.
type List struct {
	ID             string
	Entries, Bytes int
	Matches        int64
	Good           time.Time // last success; zero: there was none
	Failing, Stale bool
}

// Database is what instruments say of a database of places when they are read.
type Database struct {
	File        string // as it is configured
	Built, Good time.Time
	Failing     bool
}

// lists are the instruments of lists and databases.
type lists struct {
	now                                              func() ([]List, []Database)
	entries, bytes, matches, success, failing, stale *prometheus.Desc
	built, read, broken                              *prometheus.Desc
}

// WatchLists reports the lists and the databases of the configuration in force.
func (m *Metrics) WatchLists(now func() ([]List, []Database)) {
	list := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, []string{"list"}, nil) }
	file := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, []string{"file"}, nil) }
	m.Registry.MustRegister(&lists{
		now:     now,
		entries: list("wafer_list_entries", "Entries of a list."),
		bytes:   list("wafer_list_bytes", "Memory that a list takes."),
		matches: list("wafer_list_matches_total", "Addresses that were looked up in a list and found."),
		success: list("wafer_list_last_success_timestamp_seconds", "When the source of a list last said what is in force; 0: never."),
		failing: list("wafer_list_failing", "1 if the last look at the source of a list was in vain."),
		stale:   list("wafer_list_stale", "1 if no look at the source of a list was good for stale_after."),
		built:   file("wafer_geo_built_timestamp_seconds", "When a database of places was made, as it says itself."),
		read:    file("wafer_geo_last_success_timestamp_seconds", "When the file of a database of places last held what is in force."),
		broken:  file("wafer_geo_failing", "1 if the file of a database of places is gone or broken."),
	})
}

// Describe implements prometheus.Collector.
func (l *lists) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{l.entries, l.bytes, l.matches, l.success, l.failing, l.stale, l.built, l.read, l.broken} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (l *lists) Collect(to chan<- prometheus.Metric) {
	all, databases := l.now()
	for i := range all {
		one := &all[i]
		gauge := func(d *prometheus.Desc, v float64) {
			to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, one.ID)
		}
		gauge(l.entries, float64(one.Entries))
		gauge(l.bytes, float64(one.Bytes))
		gauge(l.success, seconds(one.Good))
		gauge(l.failing, number(one.Failing))
		gauge(l.stale, number(one.Stale))
		to <- prometheus.MustNewConstMetric(l.matches, prometheus.CounterValue, float64(one.Matches), one.ID)
	}
	for i := range databases {
		one := &databases[i]
		gauge := func(d *prometheus.Desc, v float64) {
			to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, one.File)
		}
		gauge(l.built, seconds(one.Built))
		gauge(l.read, seconds(one.Good))
		gauge(l.broken, number(one.Failing))
	}
}

// seconds is a moment as Prometheus has it; 0: there is none.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
