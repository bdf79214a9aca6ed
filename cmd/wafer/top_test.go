package main

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/wafer-waf/wafer/admin/view"
)

const earlier = `# HELP wafer_requests_total requests
wafer_requests_total{route="shop",verdict="pass"} 100
wafer_requests_total{route="shop",verdict="block"} 10
wafer_rule_matches_total{route="shop",rule_id="942100"} 10
process_cpu_seconds_total 1.5
`

const later = `wafer_build_info{coraza="v3",crs="v4",version="1.2"} 1
wafer_requests_total{route="shop",verdict="pass"} 300
wafer_requests_total{route="shop",verdict="block"} 30
wafer_requests_total{route="a \"b\"\\\n,c}",verdict="would_block"} 20 1764500000000
wafer_rule_matches_total{route="shop",rule_id="942100"} 30
wafer_rule_matches_total{route="shop",rule_id="949110"} 30
wafer_request_duration_seconds_bucket{route="shop",le="0.001"} 0
wafer_request_duration_seconds_bucket{route="shop",le="0.01"} 100
wafer_request_duration_seconds_bucket{route="shop",le="0.1"} 200
wafer_request_duration_seconds_bucket{route="shop",le="+Inf"} 200
wafer_screened_total{result="clean",route="shop"} 90
wafer_screened_total{result="inspect",route="shop"} 10
wafer_coverage_total{coverage="full",reason="",route="shop"} 300
wafer_coverage_total{coverage="partial",reason="files",route="shop"} 20
wafer_coverage_total{coverage="headers",reason="blocked",route="shop"} 20
wafer_upstream_endpoints{state="up",upstream="a"} 2
wafer_trace_up 0
wafer_upstream_endpoints{state="ejected",upstream="a"} 1
wafer_policy_screen{policy="strict"} 0
wafer_config_last_reload_successful 0
process_cpu_seconds_total 2.5
go_goroutines 12
`

func TestTopOfMetrics(t *testing.T) {
	before, err := readScrape(strings.NewReader(earlier), mostSeries)
	if err != nil {
		t.Fatal(err)
	}
	now, err := readScrape(strings.NewReader(later), mostSeries)
	if err != nil {
		t.Fatal(err)
	}
	f := (&between{before, now, 10}).frame()
	got := fmt.Sprintf("%.0f %v %.1f %.1f %.2f %.1f %s", f.Rate, f.Verdicts, *f.Clean, f.P50, f.P99, f.CPU, f.Version)
	if want := "24 map[block:2 pass:20 would_block:2] 0.9 10.0 98.20 0.1 1.2"; got != want {
		t.Errorf("the frame is %s, want %s", got, want)
	}
	if len(f.Routes) != 2 || f.Routes[0].ID != "shop" || f.Routes[0].Block != 2 || f.Routes[1].ID != "a \"b\"\\\n,c}" || f.Routes[1].Would != 2 {
		t.Errorf("routes are %+v", f.Routes)
	}
	if len(f.Rules) != 1 || f.Rules[0] != (topRule{ID: "942100", Rate: 2, Total: 30}) {
		t.Errorf("rules are %+v", f.Rules)
	}
	if len(f.Missed) != 1 || f.Missed[0] != (topMissed{Reason: "files", Route: "shop", Rate: 2, Total: 20}) {
		t.Errorf("not inspected whole: %+v", f.Missed)
	}
	if len(f.Upstreams) != 1 || f.Upstreams[0].Up != 2 || f.Upstreams[0].Away != 1 {
		t.Errorf("upstreams are %+v", f.Upstreams)
	}
	if fmt.Sprint(f.Trouble) != "[the files of the configuration are refused policy strict has no screen the collector does not take spans]" {
		t.Errorf("trouble is %q", f.Trouble)
	}
	// A process that has begun anew counts from 0.
	if f := (&between{now, before, 10}).frame(); f.Rate != 11 {
		t.Errorf("after a restart the rate is %v", f.Rate)
	}
	// Of nothing there is no share.
	p := &picture{width: 200, height: 50, paint: func(_, s string) string { return s }}
	p.draw((&between{now, now, 10}).frame())
	if text := strings.Join(p.lines, "\n"); !strings.Contains(text, "proved clean - ") || strings.Contains(text, "0 %") {
		t.Errorf("without requests the picture is\n%s", text)
	}
}

func TestMessagesOfRules(t *testing.T) {
	l := &metricsLooker{}
	for id, want := range map[string]string{"942100": "SQL Injection Attack Detected via libinjection", "1": "", "none": ""} {
		for range 2 { // found and remembered
			if got := l.message(id); got != want {
				t.Errorf("rule %s says %q", id, got)
			}
		}
	}
}

func TestScrapesThatAreNone(t *testing.T) {
	for _, text := range []string{
		"wafer_x{a=\"b\"", "wafer_x{a", "wafer_x{a=\"b", "wafer_x nonsense", "wafer_x{a=\"\\", "wafer_x\x1b[2J{a", "wafer_x\x1b[2J \x1b]0;title\a",
		"wafer_x{a=\"" + strings.Repeat("x", 2<<20), strings.Repeat("wafer_x{a=\"b\"} 1\n", 1000),
	} {
		s, err := readScrape(strings.NewReader(text), 10_000)
		if err == nil || strings.Contains(err.Error(), "\x1b") || len(err.Error()) > 500 {
			t.Errorf("%.100q is read as %v, %.1000q", text, s, err)
		}
	}
	if s, err := readScrape(strings.NewReader("wafer_x\nother 1\n<html>\n"), 100); err != nil || len(s) != 0 {
		t.Errorf("read %v, %v", s, err)
	}
}

func TestQuantile(t *testing.T) {
	f := func(q, want float64, buckets map[float64]float64) {
		t.Helper()
		if got := quantile(buckets, q); math.Abs(got-want) > 1e-9 {
			t.Errorf("quantile %v of %v is %v, want %v", q, buckets, got, want)
		}
	}
	inf := math.Inf(1)
	f(0.5, 0, nil)
	f(0.5, 0, map[float64]float64{1: 0, inf: 0})
	f(0.5, 0.5, map[float64]float64{1: 10, inf: 10})
	f(0.5, 1.5, map[float64]float64{1: 0, 2: 10, inf: 10})
	f(0.99, 2, map[float64]float64{1: 0, 2: 1, inf: 10}) // beyond all bounds
}

// TestPicture: whatever a tier says, a picture fits on the screen and drives no terminal.
func TestPicture(t *testing.T) {
	f := overviewFrame(&view.Overview{
		About:   view.About{Pods: []view.Pod{{Address: "10.0.0.5:9090", Error: "no answer within 2s"}}, Version: "1\x1b[2J"},
		Trouble: []view.Trouble{{Pod: "p", About: "upstream shop has no endpoint\r\nthat is up"}},
		Total:   view.Counts{Requests: 600, Verdicts: map[string]uint64{"pass": 600}},
		Routes:  []view.RouteRow{{ID: "shop\u202e\u009b31m", Counts: view.Counts{Requests: 600, Missed: map[string]uint64{"files\x1b[2J": 60}}}},
		Pods:    []view.PodRow{{Pod: "a", Ready: true}, {Pod: "b", Ready: true, Differs: true}, {Pod: "c", NotReady: "draining"}},
	}, "host")
	for i := range 300 {
		f.Routes = append(f.Routes, topRoute{ID: fmt.Sprintf("route-%d-%s", i, strings.Repeat("x", 300))})
		f.Rules = append(f.Rules, topRule{ID: fmt.Sprint(i), Message: strings.Repeat("é", 300)})
	}
	if f.Rate != 10 || f.Time != (time.Time{}) {
		t.Errorf("the frame is %+v", f)
	}
	for _, size := range [][2]int{{120, 60}, {80, 24}, {20, 5}, {1, 1}, {0, 0}} {
		p := &picture{width: size[0], height: size[1], paint: func(_, s string) string { return s }}
		p.draw(f)
		if len(p.lines) > size[1] {
			t.Errorf("%v: %d lines", size, len(p.lines))
		}
		for _, line := range p.lines {
			if utf8.RuneCountInString(line) > max(size[0], 1) || strings.ContainsAny(line, "\x1b\r\n\u009b\u202e") {
				t.Errorf("%v: %q", size, line)
			}
		}
		all := strings.Join(p.lines, "\n")
		for _, want := range []string{"! p: upstream shop has no endpoint", "and 2", "no answer: no answer within 2s", "not ready: draining", "serves another configuration"} {
			if size[1] >= 60 && !strings.Contains(all, want) {
				t.Errorf("%v lacks %q:\n%s", size, want, all)
			}
		}
	}
}
