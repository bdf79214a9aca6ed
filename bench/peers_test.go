package main

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// listening starts a server that answers with a status for each path; what it does not know
// is answered with 200.
func listening(t *testing.T, v *server, statuses map[string]int) *server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status := statuses[r.URL.Path]; status != 0 {
			w.WriteHeader(status)
		}
		_, _ = io.WriteString(w, "page") // the client is the test
	}))
	t.Cleanup(s.Close)
	v.addr = s.Listener.Addr().String()
	return v
}

func requestFor(path string, attack bool) request {
	return request{raw: []byte("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n"), attack: attack}
}

func TestAgree(t *testing.T) {
	backend := listening(t, &server{}, nil)
	s := &site{backend: backend.addr}
	plain := listening(t, &server{name: "plain"}, nil)
	strict := listening(t, &server{name: "strict", inspects: true}, map[string]int{"/attack": 403, "/attack2": 403, "/odd": 403})
	blind := listening(t, &server{name: "blind", inspects: true}, map[string]int{"/attack": 403})
	p := pool{name: "p", list: []request{requestFor("/", false), requestFor("/odd", false), requestFor("/attack", true), requestFor("/attack2", true), requestFor("/2", false)}}

	a, err := agree(s, []*server{plain, strict, blind}, []pool{p, {name: "q", list: p.list[:1]}})
	if err != nil {
		t.Fatal(err)
	}
	if a.Sent != 3 || a.Dropped != 2 || len(a.pools[0].list) != 3 || len(a.pools[1].list) != 1 {
		t.Errorf("%d sent, %d dropped, pools of %d and %d", a.Sent, a.Dropped, len(a.pools[0].list), len(a.pools[1].list))
	}
	if d := a.Disagreement; len(d) != 2 || d[0].RefusedOrdinary != 1 || d[0].PassedAttacks != 0 || d[1].RefusedOrdinary != 0 || d[1].PassedAttacks != 1 {
		t.Errorf("%+v", d)
	}
	wafer := listening(t, &server{name: "wafer", inspects: true, admin: "it has one"}, map[string]int{"/attack": 403})
	if _, err := agree(s, []*server{wafer}, []pool{p}); err == nil || !strings.Contains(err.Error(), "want 403") {
		t.Errorf("got %v: a wrong answer of Wafer is an error", err)
	}
	broken := listening(t, &server{name: "nginx"}, map[string]int{"/2": 502})
	if _, err := agree(s, []*server{broken}, []pool{p}); err == nil || !strings.Contains(err.Error(), "want 200") {
		t.Errorf("got %v: so is one of a server without rules", err)
	}
}

func TestWriteRules(t *testing.T) {
	dir := t.TempDir()
	defaults := filepath.Join(dir, "defaults")
	if err := os.WriteFile(defaults, []byte("SecRuleEngine DetectionOnly\nSecResponseBodyAccess On\nSecPcreMatchLimit 1000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := writeRules(filepath.Join(dir, "rules"), defaults, "/etc/unicode.mapping")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\nSecRuleEngine On\n", "\nSecResponseBodyAccess Off\n", "SecPcreMatchLimit 1000\n", "SecUnicodeMapFile /etc/unicode.mapping 20127\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(string(text), "DetectionOnly") {
		t.Error("the distribution's choice is still there")
	}
	rules, err := os.ReadFile(filepath.Join(dir, "rules", "crs", "REQUEST-942-APPLICATION-ATTACK-SQLI.conf"))
	if err != nil {
		t.Fatal(err)
	}
	if touching := regexp.MustCompile(`[^\n]\nSec`).Find(rules); touching != nil {
		t.Errorf("a directive without an empty line before it: %q", touching)
	}
}

func TestScreened(t *testing.T) {
	metrics := "# HELP wafer_screened_total x\nwafer_screened_total{result=\"clean\",route=\"a\"} 7\nwafer_screened_total{result=\"clean\",route=\"b\"} 2\n" +
		"wafer_screened_total{result=\"inspect\",route=\"a\"} 3\nwafer_engines 1\n"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, metrics) }))
	defer s.Close()
	v := &server{admin: s.Listener.Addr().String()}
	if clean, inspect, ok := v.screened(); clean != 9 || inspect != 3 || !ok {
		t.Errorf("got %v, %v, %v", clean, inspect, ok)
	}
	if n, err := v.metric("wafer_engines"); n != 1 || err != nil {
		t.Errorf("got %v, %v", n, err)
	}
	metrics = "wafer_engines 1\n"
	if _, _, ok := v.screened(); ok {
		t.Error("a Wafer without a screen has none")
	}
	if _, _, ok := (&server{}).screened(); ok {
		t.Error("neither has nginx")
	}
}

// measured is a run in which nginx with ModSecurity takes 1000 µs for everything, and Wafer
// the given time in each of three repetitions.
func measured(wafer ...float64) (r peerResults) {
	r.machine.Repetitions = len(wafer)
	for _, w := range workloads {
		for i, micros := range wafer {
			for name, m := range map[string]throughput{
				classic: {CPUMicros: 1000, PerSecond: 1000}, waferNow: {CPUMicros: micros, PerSecond: 1e6 / micros}, waferOff: {CPUMicros: 30, PerSecond: 30000},
			} {
				m.Server, m.AccessLog, m.Request, m.Repetition, m.CoreShare = name, "off", w.mix.Name, i+1, 1
				r.throughput = append(r.throughput, m)
			}
		}
	}
	return r
}

func TestGoalTable(t *testing.T) {
	r := measured(40, 50, 100) // 1/25, 1/20, 1/10
	r.flood.Quiet.P99, r.flood.Flooded.P99 = 100, 150
	text := r.goalTable()
	for _, want := range []string{
		"CPU time of a GET, against nginx + libmodsecurity3 | at most 1/15 | 1/20 (1/10 to 1/25) | met |",
		"CPU time of a form | at most 1/25 | 1/20 (1/10 to 1/25) | **missed** |",
		"at least 1/2 | 1/1.70 (1/3.30 to 1/1.30) | met |",
		"| at most 2 | 1.50 | met |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	r.flood.CleanShed = 1
	if text := r.goalTable(); !strings.Contains(text, "| at most 2 | 1.50 | **missed** |") {
		t.Errorf("who refuses clean requests is not fast:\n%s", text)
	}
	if text := (peerResults{}).goalTable(); strings.Contains(text, "| met |") {
		t.Errorf("nothing was measured:\n%s", text)
	}
}

func TestPlots(t *testing.T) {
	r := measured(40, 50, 60)
	for name, svg := range map[string]string{"cpu": r.cpuPlot(), "sizes": r.sizePlot()} {
		bars := 0
		for d := xml.NewDecoder(strings.NewReader(svg)); ; {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, svg)
			}
			if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rect" {
				bars++
			}
		}
		groups := map[string]int{"cpu": len(columns), "sizes": len(sizes)}[name]
		if want := 1 + 3 + 3*groups; bars != want { // background, legend, bars
			t.Errorf("%s: %d rectangles, want %d", name, bars, want)
		}
	}
}

// TestSections writes what a run writes and reads it back.
func TestSections(t *testing.T) {
	dir, plots := t.TempDir(), t.TempDir()
	if s, err := peerSections(dir, plots); s != nil || err != nil {
		t.Errorf("of nothing: %v, %v", s, err)
	}
	r := measured(40, 50, 60)
	share := 0.97
	for i := range r.throughput {
		if r.throughput[i].Server == waferNow {
			r.throughput[i].CleanShare = &share
		}
	}
	here := peersMachine{machine: machine{Date: "2026-11-24", options: options{Repetitions: 3}}, Mixes: map[string]string{"get": "100 % get"}, LeftOut: []string{"wafer screen off: no"}}
	for _, err := range []error{write(dir, "peers-machine", here), writeList(dir, "peers-throughput", r.throughput), write(dir, "peers-overload", overload{})} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := peerSections(dir, plots)
	if err != nil {
		t.Fatal(err)
	}
	text := map[string]string{}
	for _, s := range s {
		text[s.name] = s.text
	}
	for name, want := range map[string]string{
		"peers machine": "Left out: wafer screen off: no.", "peers clean": "| get | 100 % get | 97.0 % |", "peers goals": "| at most 1/15 | 1/20 (1/17 to 1/25) | met |",
		"peers ratio": "| nginx + libmodsecurity3 | 20 |", "peers cpu": "| **Wafer** | 50 |", "peers sizes": "| nginx + libmodsecurity3 | 1,000 |",
	} {
		if !strings.Contains(text[name], want) {
			t.Errorf("%s: no %q in\n%s", name, want, text[name])
		}
	}
	doc, err := os.ReadFile("../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range text {
		if !strings.Contains(string(doc), "<!-- bench: "+name+" -->\n") {
			t.Errorf("docs/performance.md has no place for %s", name)
		}
	}
	if svg, err := os.ReadFile(filepath.Join(plots, "peers-cpu.svg")); err != nil || !strings.Contains(string(svg), "Apache") && !strings.Contains(string(svg), "Wafer") {
		t.Errorf("%v: %.200s", err, svg)
	}
}
