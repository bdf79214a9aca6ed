package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// peerResults are the raw data of "bench peers".
type peerResults struct {
	results
	here     peersMachine
	facts    corpusFacts
	memories []peerMemory
	flood    overload
}

// classic is the firewall that goals are measured against, and wafer what they are about.
const (
	classic  = "nginx modsecurity"
	waferNow = "wafer"
	waferOff = "wafer off"
)

// titles say what a server is.
var titles = []struct{ name, title string }{
	{"nginx", "nginx, no inspection"},
	{"fasthttp", "fasthttp, no inspection"},
	{waferOff, "Wafer, no inspection"},
	{classic, "nginx + libmodsecurity3"},
	{"apache modsecurity", "Apache + ModSecurity 2"},
	{"net/http coraza", "net/http + Coraza"},
	{"wafer screen off", "Wafer, screen off"},
	{waferNow, "**Wafer**"},
}

// columns are the workloads that are not about size.
var columns = []struct{ request, title string }{
	{"get", "GET"}, {"search", "search"}, {"form", "form"}, {"json", "JSON"}, {"upload", "upload"}, {"languages", "languages"},
	{"benign", "benign mix"}, {"mix", "mix, 5 % attacks"}, {"siege", "90 % attacks"},
}

// goal is what Wafer has to reach.
type goal struct {
	title, request string
	other          string
	of             func(throughput) float64
	factor         float64
	more           bool // Wafer has to have at least factor times as much; else 1/factor at most
}

var goals = []goal{
	{"CPU time of a GET, against nginx + libmodsecurity3", "get", classic, cpuMicros, 15, false},
	{"CPU time of a form", "form", classic, cpuMicros, 25, false},
	{"CPU time of 2 KB of JSON", "json", classic, cpuMicros, 60, false},
	{"CPU time of the mix with 5 % attacks", "mix", classic, cpuMicros, 8, false},
	// Not requests per second: those of the faster one may be the load generator's limit.
	{"requests of the benign mix per second of CPU time, against Wafer without inspection", "benign", waferOff, perCPUSecond, 0.5, true},
}

func perCPUSecond(t throughput) float64 { return 1e6 / t.CPUMicros }

// peerSections renders what "bench peers" has measured, and writes its plots into a folder;
// nil if there is nothing of it.
func peerSections(dir, plots string) ([]section, error) {
	var r peerResults
	found, err := readRaw(dir, map[string]any{
		"peers-machine": &r.here, "peers-throughput": &r.throughput, "peers-latency": &r.latency,
		"peers-memory": &r.memories, "peers-corpus": &r.facts, "peers-overload": &r.flood,
	})
	if !found || err != nil {
		return nil, err
	}
	r.machine = r.here.machine
	for name, svg := range map[string]string{"peers-cpu.svg": r.cpuPlot(), "peers-sizes.svg": r.sizePlot()} {
		if err := os.WriteFile(filepath.Join(plots, name), []byte(svg), 0o644); err != nil {
			return nil, err
		}
	}
	left := ""
	if len(r.here.LeftOut) > 0 {
		left = "\nLeft out: " + strings.Join(r.here.LeftOut, "; ") + ".\n"
	}
	return []section{
		{"peers machine", r.machineTable(dir) + left},
		{"peers goals", r.goalTable()},
		{"peers plots", "![CPU time per request of every server, by workload](peers-cpu.svg)\n\n![CPU time per request of every server, by size of the body](peers-sizes.svg)\n"},
		{"peers ratio", r.peerRatioTable()},
		{"peers cpu", r.workloadTable(cpuMicros, false)},
		{"peers throughput", r.workloadTable(perSecond, true)},
		{"peers sizes", r.sizeTable()},
		{"peers clean", r.cleanTable()},
		{"peers latency", r.peerLatencyTable()},
		{"peers memory", r.peerMemoryTable()},
		{"peers overload", r.overloadTable()},
		{"peers corpus", r.corpusTable()},
		{"peers agreement", r.agreementTable()},
	}, nil
}

// goalTable says of each goal whether it is met; by the median, and shows the range.
func (r peerResults) goalTable() string {
	rows := [][]string{{"goal", "limit", "measured, median (range)", ""}}
	verdict := func(met bool) string {
		if met {
			return "met"
		}
		return "**missed**"
	}
	for _, g := range goals {
		ratios := r.ratios(waferNow, g.other, "off", g.request, g.of)
		if len(ratios) == 0 {
			rows = append(rows, []string{g.title, "–", "not measured", "**missed**"})
			continue
		}
		m, least, most := middle(ratios), slices.Min(ratios), slices.Max(ratios)
		if g.more {
			rows = append(rows, []string{g.title, "at least " + part(g.factor), fmt.Sprintf("%s (%s to %s)", part(m), part(least), part(most)), verdict(m >= g.factor)})
			continue
		}
		rows = append(rows, []string{g.title, fmt.Sprintf("at most 1/%.0f", g.factor), fmt.Sprintf("%s (%s to %s)", part(m), part(most), part(least)), verdict(m <= 1/g.factor)})
	}
	times := 0.0
	if r.flood.Quiet.P99 > 0 {
		times = r.flood.Flooded.P99 / r.flood.Quiet.P99
	}
	rows = append(rows, []string{"p99 of clean requests in a flood of attacks, against a quiet tier", "at most 2", number(round(times, 2)), verdict(times > 0 && times <= 2 && r.flood.CleanShed == 0)})
	return table(rows...)
}

// part writes a ratio as people say it: 3.2, 15, 1/15.
func part(x float64) string {
	short := func(x float64) string {
		if x < 10 {
			return number(round(x, 1))
		}
		return number(round(x, 0))
	}
	switch {
	case x == 0:
		return "–"
	case x < 0.95:
		return "1/" + short(1/x)
	}
	return short(x)
}

// present are the servers that were measured.
func (r peerResults) present() (list []struct{ name, title string }) {
	for _, t := range titles {
		if slices.ContainsFunc(r.throughput, func(m throughput) bool { return m.Server == t.name }) {
			list = append(list, t)
		}
	}
	return list
}

// each has a row for each server that was measured and a column for each workload.
func (r peerResults) each(title string, columns []struct{ request, title string }, cell func(server, request string) string) string {
	head := []string{title}
	for _, c := range columns {
		head = append(head, c.title)
	}
	rows := [][]string{head}
	for _, s := range r.present() {
		row := []string{s.title}
		for _, c := range columns {
			row = append(row, cell(s.name, c.request))
		}
		rows = append(rows, row)
	}
	return table(rows...)
}

// workloadTable has figures. A star marks where the load generator was the limit.
func (r peerResults) workloadTable(of func(throughput) float64, stars bool) string {
	return r.each("server", columns, func(server, request string) string {
		cell := number(r.figure(server, "off", request, of))
		if stars && r.figure(server, "off", request, coreShare) < 0.95 {
			cell += "\\*"
		}
		return cell
	})
}

// peerRatioTable is CPU time per request in units of Wafer's.
func (r peerResults) peerRatioTable() string {
	return r.each("CPU time per request, Wafer = 1", columns, func(server, request string) string {
		return part(middle(r.ratios(server, waferNow, "off", request, cpuMicros)))
	})
}

func (r peerResults) sizeTable() string {
	return r.each("CPU µs per request, by size of the body", sizes, func(server, request string) string {
		return number(r.figure(server, "off", request, cpuMicros))
	})
}

// cleanTable has the mixes and what Wafer's screen made of them.
func (r peerResults) cleanTable() string {
	rows := [][]string{{"workload", "requests", "proved clean"}}
	for _, w := range workloads {
		clean := "no screen"
		if slices.ContainsFunc(r.throughput, func(t throughput) bool { return t.Server == waferNow && t.CleanShare != nil }) {
			share := median(r.throughput, func(t throughput) (float64, bool) {
				if t.Server != waferNow || t.Request != w.mix.Name || t.CleanShare == nil {
					return 0, false
				}
				return *t.CleanShare, true
			})
			clean = fmt.Sprintf("%.1f %%", 100*share)
		}
		rows = append(rows, []string{w.mix.Name, r.here.Mixes[w.mix.Name], clean})
	}
	return table(rows...)
}

func (r peerResults) peerLatencyTable() string {
	rows := [][]string{{"request", "server", "rate", "rate/s", "requests", "refused", "p50 µs", "p99 µs", "p99.9 µs", "most µs", "loader late, p99 µs"}}
	for _, w := range latencyOf {
		for _, same := range []bool{true, false} {
			for _, s := range r.present() {
				for _, l := range r.latency {
					if l.Request == w.request && l.Server == s.name && l.SameRate == same {
						kind := map[bool]string{true: "same for all", false: "half of its own"}[same]
						rows = append(rows, append([]string{l.Request, s.title, kind}, l.cells()...))
					}
				}
			}
		}
	}
	return table(rows...)
}

func (r peerResults) peerMemoryTable() string {
	rows := [][]string{{"server", "after the start", "most, at the end of any measurement"}}
	for _, s := range r.present() {
		for _, m := range r.memories {
			if m.Server == s.name {
				rows = append(rows, []string{s.title, mebibytes(float64(m.RestBytes)), mebibytes(float64(m.PeakBytes))})
			}
		}
	}
	return table(rows...)
}

func (r peerResults) overloadTable() string {
	f := r.flood
	head := []string{"clean requests", "attacks/s offered", "attacks blocked", "attacks refused with 503"}
	quiet := []string{"quiet", "0", "0", "0"}
	flooded := []string{"in the flood", number(f.AttackRate), number(float64(f.AttacksBlocked)), number(float64(f.AttacksShed))}
	head = append(head, "clean/s", "requests", "refused", "p50 µs", "p99 µs", "p99.9 µs", "most µs", "loader late, p99 µs")
	return table(head, append(quiet, f.Quiet.cells()...), append(flooded, f.Flooded.cells()...))
}

func (r peerResults) corpusTable() string {
	rows := [][]string{{"kind", "requests asked about", "mean size, bytes", "a rule matches", "refused at paranoia level 1"}}
	percent := func(n, of int) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(max(1, of))) }
	for _, j := range r.facts.Judged {
		rows = append(rows, []string{j.Kind, number(float64(j.Asked)), number(round(float64(j.Bytes)/float64(max(1, j.Asked)), 0)), percent(j.Matched, j.Asked), percent(j.Refused, j.Asked)})
	}
	return table(rows...)
}

func (r peerResults) agreementTable() string {
	rows := [][]string{{"server", "ordinary requests refused", "attacks passed"}}
	for _, s := range r.present() {
		for _, d := range r.facts.Disagreement {
			if d.Server == s.name {
				rows = append(rows, []string{s.title, number(float64(d.RefusedOrdinary)), number(float64(d.PassedAttacks))})
			}
		}
	}
	return fmt.Sprintf("%s\n%d different requests were sent to all; %d were dropped.\n", table(rows...), r.facts.Sent, r.facts.Dropped)
}

// cpuPlot and sizePlot are drawn from the medians.
func (r peerResults) cpuPlot() string {
	c := chart{title: "CPU time per request, µs (logarithmic)", unit: "µs"}
	var requests []string
	for _, w := range columns {
		c.groups, requests = append(c.groups, w.title), append(requests, w.request)
	}
	c.series = r.series(requests)
	return c.svg()
}

func (r peerResults) sizePlot() string {
	c := chart{title: "CPU time per request by size of a JSON body, µs (logarithmic)", unit: "µs"}
	var requests []string
	for _, w := range sizes {
		c.groups, requests = append(c.groups, w.title), append(requests, w.request)
	}
	c.series = r.series(requests)
	return c.svg()
}

func (r peerResults) series(requests []string) (list []series) {
	for _, s := range r.present() {
		line := series{name: strings.Trim(s.title, "*")}
		for _, q := range requests {
			line.values = append(line.values, r.figure(s.name, "off", q, cpuMicros))
		}
		list = append(list, line)
	}
	return list
}
