package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/tier"
)

// TestStartToReady measures the start of a process with ten policies that differ, in the CPU that it
// has used when it is ready: with one thread that is the time on a core of its own. The goal, for an
// autoscaler's sake, is two seconds. It holds for policies of one paranoia level, which share nearly
// all that a screen consists of; each further level needs tables of its own (docs/capacity.md). The
// limits are alarms for a start that gets worse; they are wide because threads that share a core
// double each other's CPU time.
func TestStartToReady(t *testing.T) {
	const policies = 10
	for _, c := range []struct {
		levels int
		limit  time.Duration
	}{{1, 4 * time.Second}, {4, 8 * time.Second}} {
		t.Run(fmt.Sprintf("%d paranoia levels", c.levels), func(t *testing.T) {
			t.Setenv("GOMAXPROCS", "1")
			var b strings.Builder
			b.WriteString("routes:\n")
			for i := range policies {
				fmt.Fprintf(&b, "  - { id: r%d, hosts: [h%[1]d.test], policy: p%[1]d, upstreams: [{ id: u }] }\n", i)
			}
			b.WriteString("upstreams:\n  - { id: u, endpoints: [\"http://127.0.0.1:1\"] }\npolicies:\n")
			for i := range policies {
				fmt.Fprintf(&b, "  - { id: p%d, paranoia: { blocking: %d, detection: %[2]d }, thresholds: { inbound: %d } }\n", i, 1+i%c.levels, 5+i)
			}
			w := tier.Plain(t, routeFile(t, b.String()))
			used := cpu(t, w.PID())
			if status, text := w.Get("/readyz"); status != 200 {
				t.Fatalf("not ready: %d %s", status, text)
			}
			if n := w.Metric("wafer_engines"); n != policies {
				t.Fatalf("%v engines: the policies share some", n)
			}
			t.Logf("ready with %d policies after %s of one core", policies, used)
			if used > c.limit {
				t.Errorf("ready after %s of one core, want at most %s", used, c.limit)
			}
		})
	}
}

// cpu is the time that a process has spent on cores.
func cpu(t *testing.T, pid int) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name before may hold anything
	var user, system int
	f := strings.Fields(rest)
	if _, err := fmt.Sscan(f[11]+" "+f[12], &user, &system); err != nil { // utime and stime of proc(5)
		t.Fatal(err)
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every platform that Go runs on
	return time.Duration(user+system) * tick
}
