package prometheus

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// panel is a panel of a dashboard, as far as the tests read it.
type panel struct {
	Title   string
	Targets []struct{ Expr string }
}

type dashboard struct {
	UID        string
	Title      string
	Panels     []panel
	Templating struct {
		List []struct{ Name, Query string }
	}
}

func dashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "dashboards/*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal("no dashboards", err)
	}
	all := map[string]dashboard{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var d dashboard
		if err := json.Unmarshal(text, &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[filepath.Base(file)] = d
	}
	return all
}

// chosen is an expression with what Grafana puts into it.
func chosen(expr string) string {
	return strings.NewReplacer("$namespace", ".*", "$route", ".*", "$__rate_interval", "10s", "$__range", "1m").Replace(expr)
}

// documented are the metrics that the operations guide lists.
func documented(t *testing.T) []string {
	t.Helper()
	guide, err := os.ReadFile(filepath.Join(root, "docs/operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(guide), "\n## Metrics\n")
	list, _, _ = strings.Cut(list, "\n### Alerts\n")
	var names []string
	for row := range strings.Lines(list) {
		if cell, _, ok := strings.Cut(strings.TrimPrefix(row, "| "), " | "); ok && strings.HasPrefix(row, "| `") {
			for _, m := range regexp.MustCompile("`((?:wafer|coraza)_[a-z_]+)").FindAllStringSubmatch(cell, -1) {
				names = append(names, m[1])
			}
		}
	}
	return names
}

// Each metric that dashboards and alerts ask for is one that the tier has.
func TestExpressions(t *testing.T) {
	known := append(documented(t), "ALERTS", "process_cpu_seconds_total", "process_resident_memory_bytes", "kube_job_status_failed")
	check := func(where, expr string) {
		t.Helper()
		for _, name := range metricsIn(t, expr) {
			if !slices.Contains(known, name) {
				t.Errorf("%s asks for %s, which the tier does not have", where, name)
			}
		}
	}
	uids := map[string]string{}
	for file, d := range dashboards(t) {
		if other := uids[d.UID]; other != "" || d.UID == "" || len(d.Panels) == 0 {
			t.Errorf("%s: uid %q, as of %q; %d panels", file, d.UID, other, len(d.Panels))
		}
		uids[d.UID] = file
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				check(file+", "+p.Title, chosen(target.Expr))
			}
		}
	}
	for _, g := range alerts(t).Groups {
		for _, r := range g.Rules {
			check(r.Alert, r.Expr)
		}
	}
}

// The guide lists the metrics that the code makes, and no others.
func TestGuideListsEveryMetric(t *testing.T) {
	made := map[string]bool{}
	name := regexp.MustCompile(`"((?:wafer|coraza_waf)_[a-z0-9_]+)"`)
	for _, dir := range []string{"metrics", "cmd/wafer", "proxy", "record", "trace", "recent", "admin"} {
		files, _ := filepath.Glob(filepath.Join(root, dir, "*.go"))
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(file, "_test.go") || !strings.Contains(string(text), "client_golang/prometheus") {
				continue
			}
			for _, m := range name.FindAllStringSubmatch(string(text), -1) {
				made[m[1]] = true
			}
		}
	}
	listed := documented(t)
	for metric := range made {
		if !slices.Contains(listed, metric) {
			t.Errorf("docs/operations.md has no row for %s", metric)
		}
	}
	for _, metric := range listed {
		if !made[metric] && metric != "wafer_verify_checks" { // which a command pushes by itself
			t.Errorf("docs/operations.md has a row for %s, which nothing makes", metric)
		}
	}
	if len(made) < 80 {
		t.Errorf("only %d metrics", len(made))
	}
}

// What the runbook quotes of the log is what the log says.
func TestRunbookQuotesTheLog(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs/runbook.md"))
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, pattern := range []string{"*/*.go", "*/*/*.go"} {
		files, _ := filepath.Glob(filepath.Join(root, pattern))
		for _, file := range files {
			if one, err := os.ReadFile(file); err == nil && !strings.HasSuffix(file, "_test.go") {
				code.Write(one)
			}
		}
	}
	quotes := regexp.MustCompile(`(?s)log\s+lines?\s+"([^"]+)"(?:\s+and\s+"([^"]+)")?`).FindAllStringSubmatch(string(text), -1)
	for _, m := range quotes {
		for _, quote := range m[1:] {
			words := strings.Fields(quote)
			if len(words) == 0 || strings.Contains(code.String(), `"`+strings.Join(words, " ")) {
				continue
			}
			// A line may begin with what it is about, which is put in front of it.
			if end := strings.Join(words[max(len(words)-4, 0):], " "); !strings.Contains(code.String(), `" `+end+`"`) {
				t.Errorf("nothing logs %q", quote)
			}
		}
	}
	if len(quotes) < 5 {
		t.Errorf("only %d quotes", len(quotes))
	}
}
