package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/tier"
)

// manyPolicies is a route file with so many policies that differ, of so many paranoia levels.
func manyPolicies(t testing.TB, policies, levels int) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("routes:\n")
	for i := range policies {
		fmt.Fprintf(&b, "  - { id: r%d, hosts: [h%[1]d.test], policy: p%[1]d, upstreams: [{ id: u }] }\n", i)
	}
	b.WriteString("upstreams:\n  - { id: u, endpoints: [\"http://127.0.0.1:1\"] }\npolicies:\n")
	for i := range policies {
		fmt.Fprintf(&b, "  - { id: p%d, paranoia: { blocking: %d, detection: %[2]d }, thresholds: { inbound: %d } }\n", i, 1+i%levels, 5+i)
	}
	return tier.RouteFile(t, b.String())
}

// TestManyPolicies starts with ten policies that differ. Each has an engine of its own and a screen.
func TestManyPolicies(t *testing.T) {
	t.Parallel()
	const policies = 10
	w := tier.Plain(t, manyPolicies(t, policies, 4))
	if status, text := w.Get("/readyz"); status != 200 {
		t.Fatalf("not ready: %d %s", status, text)
	}
	if n := w.Metric("wafer_engines"); n != policies {
		t.Errorf("%v engines: the policies share some", n)
	}
	for i := range policies {
		if n := w.Metric(fmt.Sprintf(`wafer_policy_screen{policy="p%d"}`, i)); n != 1 {
			t.Errorf("policy p%d has no screen", i)
		}
	}
}

// BenchmarkStartToReady is the CPU time that a process has used when it is ready: with one thread
// that is the time on a core of its own, and an autoscaler waits for it. Policies of one paranoia
// level share nearly all that a screen consists of, those of several the larger part of it
// (docs/performance.md).
func BenchmarkStartToReady(b *testing.B) {
	for _, c := range []struct{ policies, levels int }{{1, 1}, {10, 1}, {10, 4}} {
		b.Run(fmt.Sprintf("policies=%d/levels=%d", c.policies, c.levels), func(b *testing.B) {
			b.Setenv("GOMAXPROCS", "1")
			file := manyPolicies(b, c.policies, c.levels)
			var used time.Duration
			for b.Loop() {
				w := tier.Plain(b, file)
				used += cpu(b, w.PID())
				w.Kill()
			}
			b.ReportMetric(float64(used.Milliseconds())/float64(b.N), "cpu-ms/op")
		})
	}
}

// cpu is the time that a process has spent on cores.
func cpu(t testing.TB, pid int) time.Duration {
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
