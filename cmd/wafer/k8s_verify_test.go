package main

import (
	"os"
	"path/filepath"
	"strings"
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

// TestVerifyWithoutTheTiersFiles: a route file names certificates and variables that only the tier has.
func TestVerifyWithoutTheTiersFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "routes.yaml")
	text := `routes:
  - id: pay
    hosts: [pay, pay.shop.svc.cluster.local]
    client_certificate: { ca: [/etc/wafer/clients/ca.crt, own/ca.crt] }
    request_headers: { set: [{ name: X-Key, value: "${env:WAFER_TEST_NONE}" }, { name: X-Other, value: "${file:secrets/other}" }] }
    upstreams: [{ id: pay }]
upstreams:
  - id: pay
    endpoints: ["https://pay-origin.shop:8443"]
    tls: { ca: [/etc/wafer/upstream/ca.crt], certificate: { cert: own/tls.crt, key: own/tls.key } }
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	targets, err := (&verifyFlags{routes: file}).targets()
	if err != nil || len(targets) != 1 {
		t.Fatalf("%v, %v", targets, err)
	}
	if r := targets[0].Through[0]; r.Address != "pay.shop.svc.cluster.local:8443" || r.Host != r.Address || r.TLS != "pay.shop.svc.cluster.local" {
		t.Errorf("it asks %+v", r)
	}
	out, _, err := run(t, "", "k8s", "verify", "--job", "--image", "wafer:1", "-n", "wafer", "--routes", file)
	if err != nil || !strings.Contains(out, "  namespace: shop\n") {
		t.Errorf("%v\n%s", err, out)
	}
}
