package sinks_test

import (
	"os"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

func TestMain(m *testing.M) { os.Exit(tier.Main(m)) }

// rounds is how often a receiver is killed.
func rounds() int {
	if testing.Short() {
		return 1
	}
	return 8
}

const (
	series = `wafer_sink_events_total{result="%s",sink="receiver"}`
	up     = `wafer_sink_up{sink="receiver"}`
)

// sink is a boot file with a sink of some kind, whose queue is full soon.
func sink(kind string) string {
	return `
events:
  stdout: { format: off }
  sinks:
    - id: receiver
      events: [access, security]
      queue: 128KiB
` + kind
}

// told wants the log to have told each time that the receiver went down and came back, once.
func told(t *testing.T, l interface {
	Stderr() string
}, often int) {
	t.Helper()
	for _, message := range []string{"sink of events does not take them", "sink of events takes them again"} {
		if n := countOf(l.Stderr(), message); n != often {
			t.Errorf("%q was told %d times, want %d", message, n, often)
		}
	}
}
