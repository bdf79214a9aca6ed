package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/test/corpus"
)

// workloads are what every server is measured with: kinds of requests, documents of several
// sizes, and mixes; and how many different requests stand for each. An engine may take a
// second for the largest ones, so that these are few.
var workloads = []struct {
	mix corpus.Mix
	n   int
}{
	{only("get", "get"), variants},
	{only("search", "search"), 100},
	{only("form", "checkout"), 100},
	{only("json", "order"), 60},
	{only("upload", "upload"), 40},
	{only("languages", "languages"), 60},
	{only("100B", "json-100B"), 100},
	{only("1KB", "json-1KB"), 60},
	{only("10KB", "json-10KB"), 24},
	{only("100KB", "json-100KB"), 6},
	{corpus.Benign, 300},
	{corpus.Mixed, 200},
	{corpus.Siege, 200},
}

// The workloads that have no body, or one of about that size, are compared by size.
var sizes = []struct{ request, title string }{
	{"get", "0"}, {"100B", "100 B"}, {"1KB", "1 KB"}, {"10KB", "10 KB"}, {"100KB", "100 KB"},
}

// Latency of some workloads is measured at the same rate for all: at half of what the slowest
// can take. Of those that are true in OwnRate, also at half of what each can take itself.
var latencyOf = []struct {
	request string
	ownRate bool
}{{"get", true}, {"form", false}, {"json", false}, {"10KB", false}, {"benign", true}}

// peersMachine is a machine, and what "bench peers" found on it.
type peersMachine struct {
	machine
	LeftOut []string          // servers that could not be measured, and why
	Mixes   map[string]string // what they consist of
}

// disagreement is how many requests a server decides unlike stock Coraza. Nobody is measured
// with them.
type disagreement struct {
	Server          string
	RefusedOrdinary int
	PassedAttacks   int
	Examples        []string `json:",omitempty"`
}

// peerMemory is the memory of one server, see proportionalBytes.
type peerMemory struct {
	Server               string
	RestBytes, PeakBytes int64
}

// corpusFacts say what was sent.
type corpusFacts struct {
	Judged       []judged
	Disagreement []disagreement
	Sent         int // different requests that all agree upon
	Dropped      int // and those that some do not
}

// peersLimit bounds the whole run: half an hour for what is measured by default, which takes
// little more than 20 minutes.
func (o options) peersLimit() time.Duration {
	scale := max(1, float64(o.Seconds*o.Repetitions)/6)
	return time.Duration(float64(30*time.Minute) * scale)
}

// peers measures Wafer next to other firewalls that have the same rules.
func peers(ctx context.Context, o options) error {
	ctx, cancel := context.WithTimeout(ctx, o.peersLimit())
	defer cancel()
	began := time.Now()
	nginx := nginxPath()
	described, err := describe(ctx, o, nginx, debianPackages()...)
	if err != nil {
		return err
	}
	here := peersMachine{machine: described, Mixes: map[string]string{}}
	lib, err := newLibrary()
	if err != nil {
		return err
	}
	say("asking stock Coraza about the requests")
	var pools []pool
	for _, w := range workloads {
		p, err := lib.pool(w.mix, w.n, nil)
		if err != nil {
			return err
		}
		pools = append(pools, p)
		here.Mixes[p.name] = w.mix.String()
		say("%-10s %3d requests: %s", p.name, len(p.list), w.mix)
	}
	attacks, err := lib.pool(only("attack", corpus.Attack), variants, nil)
	if err != nil {
		return err
	}
	s, err := newSite(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	servers, leftOut, err := s.startPeers(ctx, o, nginx)
	if err != nil {
		return err
	}
	here.LeftOut = leftOut
	var memories []peerMemory
	for _, v := range servers {
		memories = append(memories, peerMemory{Server: v.name, RestBytes: proportionalBytes(v.pids)})
	}

	facts, err := agree(s, servers, append(pools, attacks))
	if err != nil {
		return err
	}
	facts.Judged = slices.SortedFunc(maps.Values(lib.verdict), func(a, b judged) int { return strings.Compare(a.Kind, b.Kind) })
	pools, attacks = pools[:len(pools):len(pools)], facts.pools[len(pools)]
	copy(pools, facts.pools)
	for _, p := range pools {
		if err := p.save(poolFile(s.dir, p)); err != nil {
			return err
		}
	}

	full, err := measureThroughput(ctx, o, s, servers, pools, func(*server, pool) bool { return false })
	if err != nil {
		return err
	}
	quantiles, err := peerLatency(ctx, o, servers, pools, full)
	if err != nil {
		return err
	}
	for i, v := range servers {
		memories[i].PeakBytes = v.peakBytes
		say("memory %-18s at rest %4d MiB, most %4d MiB", v.name, memories[i].RestBytes>>20, v.peakBytes>>20)
	}
	wafer := servers[len(servers)-1]
	flood, err := measureOverload(ctx, o, wafer, attacks, poolNamed(pools, "benign"))
	if err != nil {
		return err
	}
	here.LoadAfter, here.Minutes = loadAverage(), round(time.Since(began).Minutes(), 1)
	return errors.Join(
		write(o.out, "peers-machine", here), writeList(o.out, "peers-throughput", full), writeList(o.out, "peers-latency", quantiles),
		writeList(o.out, "peers-memory", memories), write(o.out, "peers-corpus", facts.corpusFacts), write(o.out, "peers-overload", flood))
}

func poolNamed(pools []pool, name string) pool {
	return pools[slices.IndexFunc(pools, func(p pool) bool { return p.name == name })]
}

// startPeers starts everything that is compared, Wafer last. What is not being measured
// sleeps.
func (s *site) startPeers(ctx context.Context, o options, nginx string) (servers []*server, leftOut []string, err error) {
	var errs []error
	add := func(v *server, err error) {
		servers, errs = append(servers, v), append(errs, err)
	}
	wafer := func(name, mode string, settings ...string) {
		file, err := s.routes(fileName(name), mode, 1, 1, settings...)
		if err != nil {
			errs = append(errs, err)
			return
		}
		if out, err := exec.CommandContext(ctx, o.wafer, "check", file).CombinedOutput(); err != nil && len(settings) > 0 {
			say("LEFT OUT: %s: wafer check: %s", name, strings.TrimSpace(string(out)))
			leftOut = append(leftOut, name+": this version refuses `"+strings.Join(settings, ", ")+"`")
			return
		}
		v, _, err := s.startWafer(ctx, o.wafer, name, "off", file)
		add(v, err)
	}
	add(s.startNginx(ctx, nginx, "off"))
	add(s.startBare(ctx))
	add(s.startNginxModSecurity(ctx, nginx))
	add(s.startApacheModSecurity(ctx))
	add(s.startStock(ctx))
	wafer("wafer off", "off")
	wafer("wafer screen off", "block", `screen: "off"`, `inspection_budget: 10s`)
	wafer("wafer", "block")
	return servers, leftOut, errors.Join(errs...)
}

// agreed are pools without what some server decides unlike the others.
type agreed struct {
	corpusFacts
	pools []pool
}

// agree sends every request once through every server. Right answers come first: a request
// that somebody decides unlike stock Coraza measures nothing, so it is counted, kept as an
// example and dropped for all. Of Wafer, which promises Coraza's verdicts, and of servers
// without rules, a wrong answer is an error.
func agree(s *site, servers []*server, pools []pool) (agreed, error) {
	all, seen := pool{name: "all"}, map[string]bool{}
	for _, p := range pools {
		for _, r := range p.list {
			if !seen[string(r.raw)] {
				seen[string(r.raw)] = true
				all.list = append(all.list, r)
			}
		}
	}
	dropped := map[string]bool{}
	var a agreed
	for _, v := range servers {
		say("verifying %d answers of %s", len(all.list), v.name)
		answers, err := ask(v, all, s.backend)
		if err != nil {
			return a, err
		}
		d := disagreement{Server: v.name}
		for _, w := range answers {
			// Wafer reads more of a request than the rules alone, and its policy corrects some of them.
			if !v.inspects || v.admin != "" && len(answers)*20 > len(all.list) {
				return a, fmt.Errorf("verify %s: %w", v.name, w)
			}
			dropped[string(w.request.raw)] = true
			if w.request.attack {
				d.PassedAttacks++
			} else {
				d.RefusedOrdinary++
			}
			if line, _, _ := strings.Cut(string(w.request.raw), "\r\n"); len(d.Examples) < 5 {
				d.Examples = append(d.Examples, fmt.Sprintf("%d: %.200s", w.status, line))
			}
		}
		if len(answers) > 0 {
			say("%s refuses %d ordinary requests and passes %d attacks, such as %s", v.name, d.RefusedOrdinary, d.PassedAttacks, strings.Join(d.Examples, " | "))
		}
		if v.inspects {
			a.Disagreement = append(a.Disagreement, d)
		}
		if err := truncate(v.events); err != nil {
			return a, err
		}
	}
	a.Sent, a.Dropped = len(all.list)-len(dropped), len(dropped)
	for _, p := range pools {
		rest := p.without(dropped)
		if len(rest.list)*2 < len(p.list) {
			return a, fmt.Errorf("%s: the servers agree on %d of %d requests only", p.name, len(rest.list), len(p.list))
		}
		a.pools = append(a.pools, rest)
	}
	return a, nil
}

// peerLatency sends at the same rate to all, and at half of what each can take.
func peerLatency(ctx context.Context, o options, servers []*server, pools []pool, full []throughput) ([]latencies, error) {
	var all []latencies
	measure := func(v *server, p pool, rate float64, same bool) error {
		l, err := latencyAt(ctx, o, v, p, rate)
		l.SameRate = same
		all = append(all, l)
		return err
	}
	for _, w := range latencyOf {
		p, can, least := poolNamed(pools, w.request), map[string]float64{}, float64(maxRate)
		for _, v := range servers {
			can[v.name] = median(full, func(m throughput) (float64, bool) {
				return m.PerSecond, m.Server == v.name && m.Request == p.name
			})
			least = min(least, can[v.name]/2)
		}
		for _, v := range servers {
			if err := measure(v, p, least, true); err != nil {
				return nil, err
			}
			if w.ownRate {
				if err := measure(v, p, min(can[v.name]/2, maxRate), false); err != nil {
					return nil, err
				}
			}
		}
	}
	return all, nil
}
