package main

import (
	"bytes"
	"encoding/json"
	"errors"
	stdlog "log"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/delivery"
	"github.com/wafer-waf/wafer/mask"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/record"
)

// TestReporter wants one line when a sink goes down and one when it is back, with what was lost meanwhile.
func TestReporter(t *testing.T) {
	var out bytes.Buffer
	all := new(outages)
	r := newReporter("archive", "events", metrics.NewSinks(prometheus.NewRegistry()).Sink("archive", 1<<20), all, zerolog.New(&out))
	r.Lost(1, delivery.Full) // before
	r.Worked()
	r.Lost(2, delivery.Full) // while the attempt hangs of which nobody knows yet that it fails
	r.Failed(errors.New("disk is full"))
	r.Lost(3, delivery.Full)
	r.Failed(errors.New("disk is full"))
	r.Lost(4, delivery.Full)
	if got := all.now(); len(got) != 1 || got[0] != "sink archive does not take events" {
		t.Errorf("outages: %q", got)
	}
	r.Worked()
	if got := all.now(); len(got) != 0 {
		t.Errorf("outages that are over: %q", got)
	}
	r.Worked()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], `"sink":"archive"`) || !strings.Contains(lines[0], "disk is full") || !strings.Contains(lines[1], `"lost":9`) {
		t.Errorf("logged %q", lines)
	}
}

// TestReporterIsBounded has a receiver that takes every other batch and says much: the log is told of it now and then, and
// at last that it is down.
func TestReporterIsBounded(t *testing.T) {
	var out bytes.Buffer
	registry := prometheus.NewRegistry()
	r := newReporter("archive", "events", metrics.NewSinks(registry).Sink("archive", 1<<20), new(outages), zerolog.New(&out))
	for range 1000 {
		r.Failed(errors.New("no\x1b[2J\n" + strings.Repeat("no", 100_000)))
		if up := gauge(t, registry, "wafer_sink_up"); up != 0 {
			t.Fatal("it is up")
		}
		r.Worked()
		if up := gauge(t, registry, "wafer_sink_up"); up != 1 {
			t.Fatal("it is down")
		}
	}
	if n := strings.Count(out.String(), "\n"); n != 2*toldAMinute || out.Len() > n*2*toldBytes {
		t.Errorf("%d lines, %d bytes", n, out.Len())
	}
	out.Reset()
	r.Failed(errors.New("gone"))
	r.often.minute = r.often.minute.Add(-time.Minute)
	r.Failed(errors.New("gone for good"))
	if !strings.Contains(out.String(), "gone for good") || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("logged %q", out.String())
	}
}

// TestLibrariesLog has what libraries write by package log stand in the log as a line of it, cut and not too often.
func TestLibrariesLog(t *testing.T) {
	var out bytes.Buffer
	l := stdlog.New(&libraryLog{log: zerolog.New(&out)}, "", 0)
	for range 1000 {
		l.Printf("Unsolicited response received: %q", "\x1b[2J\n"+strings.Repeat("x", 10_000))
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != toldAMinute {
		t.Errorf("%d lines", len(lines))
	}
	for _, line := range lines {
		if !json.Valid([]byte(line)) || len(line) > 2*toldBytes || !strings.Contains(line, "Unsolicited response") {
			t.Errorf("%q", line)
		}
	}
}

// gauge reads a metric that has one series.
func gauge(t *testing.T, from prometheus.Gatherer, name string) float64 {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("no %s", name)
	return 0
}

// TestBrokenRecordsAreToldSeldom has a client that has found out how to break records.
func TestBrokenRecordsAreToldSeldom(t *testing.T) {
	var out bytes.Buffer
	boot := config.DefaultBoot()
	boot.Records.File = &config.RotatingFile{Path: filepath.Join(t.TempDir(), "records.jsonl"), MaxSize: config.MiB}
	r := openRecorder(&boot, &sinks{}, &mask.Policy{}, prometheus.NewRegistry(), &outages{}, zerolog.New(&out))
	terms := &record.Terms{}
	for range 100 {
		if !r.Offer(1, terms) {
			t.Fatal("no room")
		}
		r.Give(nil, terms, 1) // no record at all
	}
	if err := r.Close(time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := r.to.Close(time.Minute); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "record could not be made"); n != toldAMinute {
		t.Errorf("told %d times", n)
	}
}
