package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// options say how much is measured. Those that are exported belong to the raw data.
type options struct {
	Seconds     int
	Repetitions int
	Connections int
	// Inspected is Connections for detect and block. Rules take milliseconds, so a few
	// connections keep a processor busy, and more only wait: beyond a second for a place
	// among the inspections a request is refused, which is not what is measured here.
	Inspected int

	wafer, script, out string
}

func defaultOptions() options {
	return options{Seconds: 3, Repetitions: 5, Connections: 16, Inspected: 4}
}

// limit bounds the whole run: 12 minutes for what is measured by default.
func (o options) limit() time.Duration {
	d := defaultOptions()
	scale := max(1, float64(o.Seconds*o.Repetitions)/float64(d.Seconds*d.Repetitions))
	return time.Duration(float64(12*time.Minute) * scale)
}

// machine is where and when the figures come from.
type machine struct {
	Date       string
	CPU        string
	Cores      int
	Kernel     string
	System     string
	Versions   []string
	Threads    string // which processors are one core with the server's
	LoadBefore string
	LoadAfter  string
	Minutes    float64
	options
}

// throughput is one measurement at full load.
type throughput struct {
	Server, AccessLog, Request string
	Loader                     string // wrk or closed loop, see load
	Repetition                 int
	Requests, Refused          int
	PerSecond                  float64
	CPUMicros                  float64 // of the server's processes, per request
	CoreShare                  float64 // of the server's core that it used; below 1 the load was the limit
	OtherShare                 float64 // of the server's core that others used

	// CleanShare is the share of requests that the screen proved clean; nil: there is none.
	CleanShare *float64 `json:",omitempty"`
}

// proved says what the screen did, for a line of progress.
func (m throughput) proved() string {
	if m.CleanShare == nil {
		return ""
	}
	return fmt.Sprintf(", %.1f %% proved clean", 100**m.CleanShare)
}

// latencies are those of one run at a fixed rate, in microseconds from the moment a request
// was due.
type latencies struct {
	Server, Request     string
	SameRate            bool `json:",omitempty"` // as of all others, see peerLatency
	Rate                float64
	Requests, Refused   int
	P50, P99, P999, Max float64
	ClockP99            float64 // how late the loader itself was
}

// memory is one size of configuration.
type memory struct {
	Routes, Policies, Engines int
	ReadySeconds              []float64
	RestBytes                 []int64
	LoadBytes                 int64 // the most, under load
}

// nginxPath is where nginx is, or should be.
func nginxPath() string {
	if path, err := exec.LookPath("nginx"); err == nil {
		return path
	}
	return "/usr/sbin/nginx" // not in everybody's PATH
}

func run(ctx context.Context, o options) error {
	ctx, cancel := context.WithTimeout(ctx, o.limit())
	defer cancel()
	began := time.Now()
	nginx := nginxPath()
	here, err := describe(ctx, o, nginx)
	if err != nil {
		return err
	}
	s, err := newSite(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	lib, err := newLibrary()
	if err != nil {
		return err
	}
	named, err := tierPools(lib)
	if err != nil {
		return err
	}
	var pools []pool
	for _, name := range []string{"get", "form", "json", "mix", "attacks", "hosts"} {
		if err := named[name].save(poolFile(s.dir, named[name])); err != nil {
			return err
		}
		pools = append(pools, named[name])
	}
	servers, err := s.startServers(ctx, o, nginx)
	if err != nil {
		return err
	}
	say("verifying every answer")
	for _, v := range servers {
		for _, name := range []string{"get", "form", "json", "attack"} {
			if err := verify(v, named[name], s.backend); err != nil {
				return err
			}
		}
	}
	full, err := measureThroughput(ctx, o, s, servers, pools, func(v *server, p pool) bool {
		return p.name == "hosts" || (p.name == "mix" || p.name == "attacks") && v.name != "wafer block" // hosts is for memory
	})
	if err != nil {
		return err
	}
	quantiles, err := measureLatency(ctx, o, servers, pools, full)
	if err != nil {
		return err
	}
	for _, v := range servers {
		s.stop(v)
	}
	sizes, err := measureMemory(ctx, o, s, pools)
	if err != nil {
		return err
	}
	here.LoadAfter, here.Minutes = loadAverage(), round(time.Since(began).Minutes(), 1)
	return errors.Join(
		write(o.out, "machine", here), writeList(o.out, "throughput", full),
		writeList(o.out, "latency", quantiles), writeList(o.out, "memory", sizes))
}

// startServers starts everything that is compared. All run all the time; what is not being
// measured sleeps.
func (s *site) startServers(ctx context.Context, o options, nginx string) ([]*server, error) {
	var servers []*server
	var errs []error
	add := func(v *server, err error) {
		servers, errs = append(servers, v), append(errs, err)
	}
	add(s.startNginx(ctx, nginx, "off"))
	add(s.startNginx(ctx, nginx, "file"))
	add(s.startBare(ctx))
	for _, w := range []struct{ mode, accessLog string }{{"off", "off"}, {"off", "file"}, {"detect", "off"}, {"block", "off"}} {
		routes, err := s.routes(w.mode, w.mode, 1, 1)
		errs = append(errs, err)
		v, _, err := s.startWafer(ctx, o.wafer, "wafer "+w.mode, w.accessLog, routes)
		add(v, err)
	}
	return servers, errors.Join(errs...)
}

// measureThroughput goes round the servers again and again, so that what changes on the
// machine in the meantime hits all of them.
func measureThroughput(ctx context.Context, o options, s *site, servers []*server, pools []pool, skip func(*server, pool) bool) ([]throughput, error) {
	var all []throughput
	for repetition := range o.Repetitions {
		for _, p := range pools {
			for _, v := range servers {
				if skip(v, p) {
					continue
				}
				m, err := measure(ctx, o, s, v, p)
				if err != nil {
					return nil, err
				}
				m.Repetition = repetition + 1
				say("%d/%d %-10s %-18s access log %-4s %8.0f/s %9.1f µs CPU%s", m.Repetition, o.Repetitions, m.Request, m.Server, m.AccessLog, m.PerSecond, m.CPUMicros, m.proved())
				all = append(all, m)
			}
		}
	}
	return all, nil
}

// Latency is measured at half of what a server can take, but at no more than maxRate: loader
// and backend share a core, and beyond it their own queue would be what is measured. Slow
// servers get up to three times as long, to gather wantRequests.
const (
	maxRate      = 5000
	wantRequests = 300
)

// measureLatency sends at a fixed rate.
func measureLatency(ctx context.Context, o options, servers []*server, pools []pool, full []throughput) ([]latencies, error) {
	var all []latencies
	for _, p := range pools[:3] {
		for _, v := range servers {
			if v.accessLog != "off" || v.name == "fasthttp" {
				continue
			}
			rate := median(full, func(m throughput) (float64, bool) {
				return m.PerSecond, m.Server == v.name && m.AccessLog == v.accessLog && m.Request == p.name
			})
			l, err := latencyAt(ctx, o, v, p, min(rate/2, maxRate))
			if err != nil {
				return nil, err
			}
			all = append(all, l)
		}
	}
	return all, nil
}

// latencyAt measures one server at one rate.
func latencyAt(ctx context.Context, o options, v *server, p pool, rate float64) (latencies, error) {
	seconds := float64(2 * o.Seconds)
	seconds = max(seconds, min(3*seconds, wantRequests/rate))
	v.settle()
	l, err := openLoop(ctx, v, p, rate, time.Duration(seconds*float64(time.Second)))
	if err != nil {
		return l, fmt.Errorf("latency of %s, %s: %w", v.name, p.name, err)
	}
	l.Server, l.Request = v.name, p.name
	say("latency %-10s %-18s %7.0f/s p50 %6.0f p99 %7.0f p99.9 %7.0f µs", p.name, v.name, rate, l.P50, l.P99, l.P999)
	return l, truncate(v.events)
}

// measureMemory starts Wafer anew, small and large, because memory has a history.
func measureMemory(ctx context.Context, o options, s *site, pools []pool) ([]memory, error) {
	const starts, rest = 3, 2 * time.Second
	var all []memory
	for _, m := range []memory{{Routes: 1, Policies: 1}, {Routes: 1000, Policies: 5}} {
		p := pools[slices.IndexFunc(pools, func(p pool) bool { return p.name == "hosts" })]
		routes, err := s.routes(fmt.Sprintf("memory-%d", m.Routes), "block", m.Routes, m.Policies)
		if err != nil {
			return nil, err
		}
		for i := range starts {
			v, took, err := s.startWafer(ctx, o.wafer, "wafer block", "off", routes)
			if err != nil {
				return nil, err
			}
			time.Sleep(rest)
			pid := v.cmd.Process.Pid
			m.ReadySeconds = append(m.ReadySeconds, round(took.Seconds(), 3))
			m.RestBytes = append(m.RestBytes, residentBytes(pid))
			if i == starts-1 {
				if m.LoadBytes, err = loadBytes(ctx, o, s, v, p); err != nil {
					return nil, err
				}
				engines, err := v.metric("wafer_engines")
				if err != nil {
					return nil, err
				}
				if m.Engines = int(engines); m.Engines != m.Policies {
					return nil, fmt.Errorf("%d policies need %d engines", m.Policies, m.Engines)
				}
			}
			s.stop(v)
		}
		say("memory: %d routes, %d engines: ready in %v s, at rest %v, under load %d bytes", m.Routes, m.Engines, m.ReadySeconds, m.RestBytes, m.LoadBytes)
		all = append(all, m)
	}
	return all, nil
}

// loadBytes is the most memory that a server has while it is under load.
func loadBytes(ctx context.Context, o options, s *site, v *server, p pool) (most int64, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err = wrk(ctx, o, s.dir, "http://"+v.addr, p, o.Connections, 2*o.Seconds)
	}()
	for {
		select {
		case <-done:
			return most, err
		case <-time.After(50 * time.Millisecond):
			most = max(most, residentBytes(v.cmd.Process.Pid))
		}
	}
}

// describe gathers what a figure is worth nothing without. An empty nginx leaves the peers out.
func describe(ctx context.Context, o options, nginx string, packages ...string) (machine, error) {
	m := machine{
		Date: time.Now().UTC().Format("2006-01-02 15:04 UTC"), Cores: runtime.NumCPU(), options: o,
		CPU: field("/proc/cpuinfo", "model name"), System: strings.Trim(field("/etc/os-release", "PRETTY_NAME"), `"`),
		LoadBefore: loadAverage(),
	}
	if text, err := os.ReadFile(fmt.Sprintf("/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", serverCore)); err == nil {
		m.Threads = strings.TrimSpace(string(text))
	}
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return m, err
	}
	m.Kernel = strings.TrimSpace(string(kernel))
	if cpus, err := os.ReadFile("/proc/cpuinfo"); err == nil { // this process sees its own core only
		m.Cores = strings.Count(string(cpus), "processor\t")
	}
	if m.Cores < 2 {
		return m, errors.New("two cores are needed: one for the server, one for load and backend")
	}
	wafer, err := exec.CommandContext(ctx, o.wafer, "version").Output()
	if err != nil {
		return m, fmt.Errorf("%s version: %w", o.wafer, err)
	}
	m.Versions = strings.Split(strings.TrimSpace(string(wafer)), "\n")
	tools := [][]string{{nginx, "-v"}, {"wrk", "-v"}}
	if nginx == "" {
		tools = nil
	}
	for _, c := range tools {
		out, _ := exec.CommandContext(ctx, c[0], c[1]).CombinedOutput() // wrk -v ends with 1
		line, _, _ := strings.Cut(string(out), "\n")
		line = strings.TrimPrefix(line, "nginx version: ")
		line, _, _ = strings.Cut(line, " Copyright")
		if line == "" {
			return m, fmt.Errorf("%s: not installed", c[0])
		}
		m.Versions = append(m.Versions, line)
	}
	for _, p := range packages {
		version, err := exec.CommandContext(ctx, "dpkg-query", "-W", "-f", "${Package} ${Version}", p).Output()
		if err != nil {
			return m, fmt.Errorf("package %s: not installed: %w", p, err)
		}
		m.Versions = append(m.Versions, string(version))
	}
	return m, nil
}

// field is the first value of a key in a file of "key : value" or "key=value" lines.
func field(file, key string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, key); ok {
			return strings.TrimLeft(strings.TrimSpace(rest), ":= \t")
		}
	}
	return "unknown"
}

func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	f := strings.Fields(string(text))
	return strings.Join(f[:min(3, len(f))], " ")
}

func truncate(file string) error {
	if err := os.Truncate(file, 0); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format(time.TimeOnly)+" "+format+"\n", args...)
}

func round(x float64, digits int) float64 {
	shift := math.Pow10(digits)
	return math.Round(x*shift) / shift
}

// median of the values that pick takes from a list; 0 if there are none.
func median[T any](list []T, pick func(T) (float64, bool)) float64 {
	var values []float64
	for _, e := range list {
		if v, ok := pick(e); ok {
			values = append(values, v)
		}
	}
	return middle(values)
}

func middle(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	values = slices.Sorted(slices.Values(values))
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

func write(dir, name string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name+".json"), append(text, '\n'), 0o644)
}

// writeList writes one line for each element, for people and for diffs.
func writeList[T any](dir, name string, list []T) error {
	lines := make([]string, len(list))
	for i, e := range list {
		text, err := json.Marshal(e)
		if err != nil {
			return err
		}
		lines[i] = string(text)
	}
	return os.WriteFile(filepath.Join(dir, name+".json"), []byte("[\n"+strings.Join(lines, ",\n")+"\n]\n"), 0o644)
}
