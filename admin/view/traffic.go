package view

import "time"

// Traffic answers GET /api/v1/traffic: requests over time, all of them counted.
type Traffic struct {
	About   About       `json:"about"`
	Route   string      `json:"route,omitempty"` // that was asked for; empty: all
	Seconds int         `json:"step_s"`          // that a point covers
	Points  []Point     `json:"points"`          // oldest first, without gaps; the last one is still growing
	Total   Counts      `json:"total"`           // of all points
	Routes  []RouteLine `json:"routes"`          // those with requests, the busiest first
	// RoutesFrom is since when routes are known one by one; before it there are totals alone.
	RoutesFrom time.Time `json:"routes_from"`
}

// Point is what happened in one step of time.
type Point struct {
	Time time.Time `json:"time"` // when it begins
	Counts
}

// Counts are requests by what became of them. Words without requests are left out of the maps.
type Counts struct {
	Requests uint64            `json:"requests"`
	Verdicts map[string]uint64 `json:"verdicts,omitempty"` // closed set, docs/operations.md
	Coverage map[string]uint64 `json:"coverage,omitempty"` // full, headers, partial, none
	Missed   map[string]uint64 `json:"missed,omitempty"`   // why not all was inspected, of requests that went on to an application
	Unseen   uint64            `json:"unseen,omitempty"`   // of these, those of which nothing was
	Statuses map[string]uint64 `json:"statuses,omitempty"` // 2xx, 4xx …; "none" is no answer
	Screened map[string]uint64 `json:"screened,omitempty"` // what the screen said: clean, inspect, off
	P50      float64           `json:"p50_ms,omitempty"`   // how long requests took, in all
	P95      float64           `json:"p95_ms,omitempty"`   // likewise; exact to about 20 %
	P99      float64           `json:"p99_ms,omitempty"`
	Latency  []uint64          `json:"latency,omitempty"` // counts by Latencies, for adding up; only with latency=true
}

// RouteLine is what happened on one route.
type RouteLine struct {
	Route string `json:"route"` // empty: no route matched
	Counts
	// Blocked is the requests of each point that did not reach the application by the rules' verdict, as Requests is of all;
	// for small charts.
	Line    []uint64 `json:"line"`
	Blocked []uint64 `json:"blocked_line"`
}

// Overview answers GET /api/v1/overview: is it working, and what is it stopping?
type Overview struct {
	About   About     `json:"about"`
	Started time.Time `json:"started"` // the process; of a tier the pod that began last
	Healthy bool      `json:"healthy"` // no trouble is known
	Trouble []Trouble `json:"trouble"`
	Total   Counts    `json:"total"` // in the window
	// Last are the requests of the last minute, per second.
	Rate     float64    `json:"rate"`
	Stopped  float64    `json:"stopped_rate"` // of these, those that rules stopped
	Routes   []RouteRow `json:"routes"`
	Rules    []TopRow   `json:"rules"` // that found most, ten at most
	Pods     []PodRow   `json:"pods"`
	Seconds  int        `json:"step_s"`
	Points   []Point    `json:"points"` // the last hour, a minute each
	Policies int        `json:"policies"`
}

// Trouble is something that somebody should look at.
type Trouble struct {
	Pod   string `json:"pod,omitempty"`
	What  string `json:"what"`  // closed set: configuration, disagree, upstream, certificate, screen, dropped, pod, store, sink
	Level string `json:"level"` // "error" or "warning"
	About string `json:"about"` // in a sentence
}

// RouteRow is a route with its policy, how its upstreams do, and what happened on it in the window.
type RouteRow struct {
	ID        string   `json:"id"`
	Hosts     []string `json:"hosts,omitempty"`
	Paths     []string `json:"paths,omitempty"`
	Policy    string   `json:"policy"`
	Mode      string   `json:"mode"` // block, detect or off
	Access    string   `json:"access,omitempty"`
	Upstreams []string `json:"upstreams,omitempty"`
	Health    string   `json:"health"` // up, degraded (some endpoints are not), down, or "none" (a redirect)
	Up        int      `json:"endpoints_up"`
	Endpoints int      `json:"endpoints"`
	InFlight  int64    `json:"in_flight"`
	Counts
	Clean     float64 `json:"clean_share"`     // of inspected requests, those that the screen proved clean; 0 to 1
	Inspected float64 `json:"inspected_share"` // of requests, those with full coverage
}

// PodRow is a pod of the tier.
type PodRow struct {
	Pod        string    `json:"pod"`
	Version    string    `json:"version"`
	Started    time.Time `json:"started"`
	Ready      bool      `json:"ready"`
	NotReady   string    `json:"not_ready,omitempty"` // why not
	Generation uint64    `json:"generation"`
	Digest     string    `json:"digest"`
	Differs    bool      `json:"differs,omitempty"` // from what most pods serve
	Requests   uint64    `json:"requests"`
	InFlight   int64     `json:"in_flight"`
	Memory     uint64    `json:"memory"` // bytes, as the kernel counts the process
	Kept       int       `json:"kept"`   // bytes of recent events
}
