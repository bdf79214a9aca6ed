package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/delivery"
	"github.com/wafer-waf/wafer/metrics"
)

// TestReporter wants one line when a sink goes down and one when it is back, with what was lost meanwhile.
func TestReporter(t *testing.T) {
	var out bytes.Buffer
	r := newReporter("archive", metrics.NewSinks(prometheus.NewRegistry()).Sink("archive", 1<<20), zerolog.New(&out))
	r.Worked()
	r.Lost(1, delivery.TooLong) // for another reason
	r.Failed(errors.New("disk is full"))
	r.Lost(3, delivery.Full)
	r.Failed(errors.New("disk is full"))
	r.Lost(4, delivery.Full)
	r.Worked()
	r.Worked()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], `"sink":"archive"`) || !strings.Contains(lines[0], "disk is full") || !strings.Contains(lines[1], `"lost":7`) {
		t.Errorf("logged %q", lines)
	}
}
