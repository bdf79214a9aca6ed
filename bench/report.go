package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// results are the raw data of one folder: of "bench run", "bench peers" and "bench secure", or of some of them.
type results struct {
	machine    machine
	throughput []throughput
	latency    []latencies
	memory     []memory
	goText     string
}

// section is one table, between its markers in a document.
type section struct{ name, text string }

// readRaw reads a list or an object of raw data. What is not there is left as it is.
func readRaw(dir string, files map[string]any) (found bool, err error) {
	for name, to := range files {
		text, err := os.ReadFile(filepath.Join(dir, name+".json"))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return found, err
		}
		if err := json.Unmarshal(text, to); err != nil {
			return found, fmt.Errorf("%s/%s.json: %w", dir, name, err)
		}
		found = true
	}
	return found, nil
}

// sections renders what "bench run" has measured; nil if there is nothing of it.
func sections(dir string) ([]section, error) {
	var r results
	found, err := readRaw(dir, map[string]any{"machine": &r.machine, "throughput": &r.throughput, "latency": &r.latency, "memory": &r.memory})
	if !found || err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, "go.txt"))
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	r.goText = string(text)
	return []section{
		{"machine", r.machineTable(dir)},
		{"ratio", r.ratioTable()},
		{"throughput", r.throughputTable()},
		{"attacks", r.attackTable()},
		{"latency", r.latencyTable()},
		{"memory", r.memoryTable()},
		{"go", r.goTable()},
	}, nil
}

// report renders the raw data in a folder. Into a document it writes between
// "<!-- bench: NAME -->" and "<!-- end -->", and nowhere else; plots go beside it. With a
// name in only, nothing but that section is written.
func report(dir, doc, only string) error {
	tables, err := sections(dir)
	if err != nil {
		return err
	}
	plots := dir
	if doc != "" && only == "" {
		plots = filepath.Dir(doc)
	}
	more, err := peerSections(dir, plots)
	if err != nil {
		return err
	}
	encrypted, err := secureSections(dir)
	if err != nil {
		return err
	}
	tables = slices.DeleteFunc(slices.Concat(tables, more, encrypted), func(t section) bool { return only != "" && t.name != only })
	if len(tables) == 0 {
		return fmt.Errorf("no raw data in %s for %q", dir, only)
	}
	if doc == "" {
		for _, t := range tables {
			fmt.Printf("\n## %s\n\n%s", t.name, t.text)
		}
		return nil
	}
	text, err := os.ReadFile(doc)
	if err != nil {
		return err
	}
	out := string(text)
	for _, t := range tables {
		if out, err = between(out, t.name, t.text); err != nil {
			return fmt.Errorf("%s: %w", doc, err)
		}
	}
	return os.WriteFile(doc, []byte(out), 0o644)
}

// between replaces what stands between a pair of markers.
func between(doc, name, text string) (string, error) {
	begin, end := "<!-- bench: "+name+" -->\n", "<!-- end -->"
	before, rest, ok := strings.Cut(doc, begin)
	if !ok {
		return "", fmt.Errorf("no marker %q", strings.TrimSpace(begin))
	}
	_, after, ok := strings.Cut(rest, end)
	if !ok {
		return "", fmt.Errorf("no %q after %q", end, strings.TrimSpace(begin))
	}
	return before + begin + "\n" + text + "\n" + end + after, nil
}

// table renders rows; the first one is the head.
func table(rows ...[]string) string {
	var b strings.Builder
	for i, r := range rows {
		b.WriteString("| " + strings.Join(r, " | ") + " |\n")
		if i == 0 {
			b.WriteString("|---" + strings.Repeat("|---:", len(r)-1) + "|\n")
		}
	}
	return b.String()
}

func (r results) machineTable(dir string) string {
	m := r.machine
	shared := ""
	if strings.ContainsAny(m.Threads, ",-") {
		shared = ", of which " + m.Threads + " are threads of one core"
	}
	return table([][]string{
		{"", ""},
		{"date", m.Date},
		{"processor", fmt.Sprintf("%s, %d processors%s", m.CPU, m.Cores, shared)},
		{"system", m.System + ", kernel " + m.Kernel},
		{"versions", strings.Join(m.Versions, "; ")},
		{"measured", fmt.Sprintf("%d times %d s for each figure, %d connections, %d where requests are slow; %.0f minutes in all", m.Repetitions, m.Seconds, m.Connections, m.Inspected, m.Minutes)},
		{"load average before, after", m.LoadBefore + ", " + m.LoadAfter},
		{"core of the server, used by others", fmt.Sprintf("%.1f %% (median), %.1f %% (most)", 100*median(r.throughput, func(t throughput) (float64, bool) { return t.OtherShare, true }), 100*r.mostOthers())},
		{"raw data", "`" + filepath.ToSlash(filepath.Join("bench", "results", filepath.Base(dir))) + "`"},
	}...)
}

func (r results) mostOthers() (most float64) {
	for _, t := range r.throughput {
		most = max(most, t.OtherShare)
	}
	return most
}

var requestNames = []string{"get", "form", "json"}

func (r results) figure(server, accessLog, request string, of func(throughput) float64) float64 {
	return median(r.throughput, func(t throughput) (float64, bool) {
		return of(t), t.Server == server && t.AccessLog == accessLog && t.Request == request
	})
}

func cpuMicros(t throughput) float64 { return t.CPUMicros }
func perSecond(t throughput) float64 { return t.PerSecond }
func coreShare(t throughput) float64 { return t.CoreShare }

func (r results) throughputTable() string {
	rows := [][]string{{"server", "access log", "GET/s", "GET µs", "form/s", "form µs", "JSON/s", "JSON µs"}}
	for _, s := range [][2]string{
		{"nginx", "off"}, {"nginx", "file"}, {"fasthttp", "off"},
		{"wafer off", "off"}, {"wafer off", "file"}, {"wafer detect", "off"}, {"wafer block", "off"},
	} {
		row := []string{s[0], s[1]}
		for _, q := range requestNames {
			star := ""
			if r.figure(s[0], s[1], q, coreShare) < 0.95 {
				star = "\\*"
			}
			row = append(row, number(r.figure(s[0], s[1], q, perSecond))+star, number(r.figure(s[0], s[1], q, cpuMicros)))
		}
		rows = append(rows, row)
	}
	return table(rows...)
}

// ratios divides what is measured of one server by what is measured of another, within each
// repetition, where both stood next to each other in time.
func (r results) ratios(a, b, accessLog, request string, of func(throughput) float64) (list []float64) {
	for i := range r.machine.Repetitions {
		in := func(server string) float64 {
			return median(r.throughput, func(t throughput) (float64, bool) {
				return of(t), t.Server == server && t.AccessLog == accessLog && t.Request == request && t.Repetition == i+1
			})
		}
		if x, y := in(a), in(b); x > 0 && y > 0 {
			list = append(list, x/y)
		}
	}
	return list
}

func (r results) ratioTable() string {
	rows := [][]string{{"access log", "GET", "form", "JSON"}}
	for _, accessLog := range []string{"off", "file"} {
		row := []string{accessLog}
		for _, q := range requestNames {
			ratios := r.ratios("wafer off", "nginx", accessLog, q, cpuMicros)
			if len(ratios) == 0 {
				row = append(row, "–")
				continue
			}
			row = append(row, fmt.Sprintf("**%.2f** (%.2f to %.2f)", middle(ratios), slices.Min(ratios), slices.Max(ratios)))
		}
		rows = append(rows, row)
	}
	return table(rows...)
}

func (r results) attackTable() string {
	rows := [][]string{{"80 % GET, 10 % form, 5 % JSON and", "requests/s", "CPU µs", "refused"}}
	for _, m := range [][2]string{{"mix", "5 % more GET"}, {"attacks", "5 % attacks"}} {
		refused := r.figure("wafer block", "off", m[0], func(t throughput) float64 { return float64(t.Refused) / float64(t.Requests) })
		rows = append(rows, []string{m[1], number(r.figure("wafer block", "off", m[0], perSecond)), number(r.figure("wafer block", "off", m[0], cpuMicros)), fmt.Sprintf("%.1f %%", 100*refused)})
	}
	return table(rows...)
}

func (r results) latencyTable() string {
	rows := [][]string{{"server", "request", "rate/s", "requests", "refused", "p50 µs", "p99 µs", "p99.9 µs", "most µs", "loader late, p99 µs"}}
	for _, l := range r.latency {
		rows = append(rows, append([]string{l.Server, l.Request}, l.cells()...))
	}
	return table(rows...)
}

// cells are from the rate on.
func (l latencies) cells() []string {
	// A quantile with fewer than ten requests beyond it says little.
	weak := func(q, v float64) string {
		if float64(l.Requests)*(1-q) < 10 {
			return "(" + number(v) + ")"
		}
		return number(v)
	}
	return []string{
		number(l.Rate), number(float64(l.Requests)), number(float64(l.Refused)),
		number(l.P50), weak(0.99, l.P99), weak(0.999, l.P999), number(l.Max), number(l.ClockP99),
	}
}

func (r results) memoryTable() string {
	rows := [][]string{{"routes", "policies", "engines", "start to ready", "memory at rest", "memory under load"}}
	for _, m := range r.memory {
		rest := make([]float64, len(m.RestBytes))
		for i, b := range m.RestBytes {
			rest[i] = float64(b)
		}
		rows = append(rows, []string{
			number(float64(m.Routes)), number(float64(m.Policies)), number(float64(m.Engines)),
			fmt.Sprintf("%.2f s", middle(m.ReadySeconds)), mebibytes(middle(rest)), mebibytes(float64(m.LoadBytes)),
		})
	}
	return table(rows...)
}

// goTable has the medians of the Go benchmarks.
func (r results) goTable() string {
	if r.goText == "" {
		return "Not run.\n"
	}
	type key struct{ name, unit string }
	values, names := map[key][]float64{}, []string{}
	pkg := ""
	for line := range strings.Lines(r.goText) {
		f := strings.Fields(line)
		if len(f) == 2 && f[0] == "pkg:" {
			pkg = strings.TrimPrefix(f[1], "github.com/wafer-waf/wafer/")
		}
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") || pkg != "proxy" && pkg != "waf" && !strings.HasPrefix(pkg, "waf/") {
			continue
		}
		name := pkg + " " + strings.TrimPrefix(f[0], "Benchmark")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		for i := 2; i+1 < len(f); i += 2 {
			if v, err := strconv.ParseFloat(f[i], 64); err == nil {
				values[key{name, f[i+1]}] = append(values[key{name, f[i+1]}], v)
			}
		}
	}
	rows := [][]string{{"benchmark", "µs", "bytes", "allocations"}}
	for _, n := range names {
		rows = append(rows, []string{
			"`" + n + "`", number(middle(values[key{n, "ns/op"}]) / 1e3),
			number(middle(values[key{n, "B/op"}])), number(middle(values[key{n, "allocs/op"}])),
		})
	}
	return table(rows...)
}

// number keeps three digits or more, and sets thousands apart.
func number(x float64) string {
	switch {
	case x < 10 && x != float64(int(x)):
		return strconv.FormatFloat(x, 'f', 2, 64)
	case x < 100 && x != float64(int(x)):
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	s := strconv.FormatFloat(x, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func mebibytes(b float64) string { return number(b/(1<<20)) + " MiB" }
