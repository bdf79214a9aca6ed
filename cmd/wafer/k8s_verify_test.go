package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestVerifyKnowsEveryRoute: there is a request to try for each route that protect writes, on
// Ingress hosts that Services share and on second ports, without being told where the tier is.
func TestVerifyKnowsEveryRoute(t *testing.T) {
	tried := 0
	for _, in := range protectCases(t) {
		args := append([]string{"k8s", "protect", "-f", in, "--output", "routes"}, arguments(t, filepath.Dir(in))...)
		out, _, _ := run(t, "", args...) // refused Services have no routes
		file := filepath.Join(t.TempDir(), "routes.yaml")
		if err := os.WriteFile(file, []byte(out), 0o600); err != nil {
			t.Fatal(err)
		}
		v := verifyFlags{routes: file}
		targets, err := v.targets()
		if err != nil {
			continue // not a route file by itself: none, or with a policy that is defined elsewhere
		}
		for _, target := range targets {
			tried++
			if target.Unknown != "" || len(target.Through) == 0 {
				t.Errorf("%s: route %s: %s", in, target.Route, target.Unknown)
			}
		}
	}
	if tried < 20 {
		t.Errorf("only %d routes", tried)
	}
}
