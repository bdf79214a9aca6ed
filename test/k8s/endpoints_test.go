package k8s

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/k8s/endpoints"
	"github.com/wafer-waf/wafer/upstream/discover"
)

// endpointSlice is one of the Service orders, as JSON; each pod is its address and its conditions.
func endpointSlice(name string, pods ...string) string {
	var all []string
	for _, p := range pods {
		address, conditions, _ := strings.Cut(p, " ")
		all = append(all, fmt.Sprintf(`{"addresses":[%q],"zone":"eu-1a","conditions":{%s}}`, address, conditions))
	}
	return fmt.Sprintf(`{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","addressType":"IPv4",
"metadata":{"name":%q,"namespace":"shop","labels":{"kubernetes.io/service-name":"orders"}},
"ports":[{"name":"http","port":8080}],"endpoints":[%s]}`, name, strings.Join(all, ","))
}

const (
	ready  = `"ready":true,"serving":true,"terminating":false`
	ending = `"ready":false,"serving":true,"terminating":true`
	ended  = `"ready":false,"serving":false,"terminating":true`
)

// limited gives a user of the API server what the component gives the tier, and returns a kubeconfig of that user.
func (c *cluster) limited(t *testing.T) string {
	t.Helper()
	role, err := os.ReadFile("../../manifests/components/endpoint-slices/rbac.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c.must(t, strings.ReplaceAll(string(role), "kind: ServiceAccount, name: wafer", "kind: ServiceAccount, name: wafer, namespace: wafer"), "apply", "-n", "shop", "-f", "-")
	c.must(t, "", "create", "serviceaccount", "-n", "wafer", "wafer")
	token := strings.TrimSpace(c.must(t, "", "create", "token", "-n", "wafer", "wafer"))
	mine, err := os.ReadFile(c.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(mine), `"token":"test"`, fmt.Sprintf(`"token":%q`, token))), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestEndpointSlicesOnAnAPIServer watches a Service with the rights of the component and no others.
func TestEndpointSlicesOnAnAPIServer(t *testing.T) {
	c := startCluster(t)
	for _, ns := range []string{"shop", "other", "wafer"} {
		c.must(t, "", "create", "namespace", ns)
	}
	t.Setenv("KUBECONFIG", c.limited(t))
	cluster := endpoints.New()
	heard := map[string]chan string{}
	var watches []chan struct{}
	ctx, cancel := context.WithCancel(t.Context())
	for _, ref := range []string{"shop/orders:http", "shop/orders:https", "other/orders:http"} {
		source, err := cluster.Service(ref)
		if err != nil {
			t.Fatal(err)
		}
		news, done := make(chan string, 1000), make(chan struct{})
		heard[ref], watches = news, append(watches, done)
		go func() {
			defer close(done)
			source.Watch(ctx, func(all []discover.Target, err error) { news <- said(all, err) })
		}()
	}
	t.Cleanup(func() {
		cancel()
		for _, done := range watches {
			<-done
		}
	})
	wait := func(ref, want string) {
		t.Helper()
		last, deadline := "nothing", time.After(time.Minute)
		for !strings.Contains(last, want) {
			select {
			case last = <-heard[ref]:
			case <-deadline:
				t.Fatalf("%s: the last news is %q, want %q", ref, last, want)
			}
		}
	}
	const orders = "shop/orders:http"
	wait(orders, "service shop/orders has no pods")
	wait("other/orders:http", `cannot list resource "endpointslices" in API group "discovery.k8s.io" in the namespace "other"`)
	for _, step := range []struct{ verb, what, want string }{
		{"create", endpointSlice("a", "10.1.0.1 "+ready, "10.1.0.2 "+ready), "10.1.0.1:8080 10.1.0.2:8080"},
		{"create", endpointSlice("b", "10.1.0.3 "+ready), "10.1.0.1:8080 10.1.0.2:8080 10.1.0.3:8080"},
		{"replace", endpointSlice("a", "10.1.0.1 "+ready, "10.1.0.2 "+ending), "10.1.0.1:8080 10.1.0.2:8080? 10.1.0.3:8080"},
		{"replace", endpointSlice("a", "10.1.0.1 "+ready, "10.1.0.2 "+ended), "10.1.0.1:8080 10.1.0.3:8080"},
		{"delete", endpointSlice("b"), "10.1.0.1:8080"},
		{"delete", endpointSlice("a"), "service shop/orders has no pods"},
	} {
		c.must(t, step.what, step.verb, "-f", "-")
		wait(orders, step.want)
	}
	c.must(t, endpointSlice("a", "10.1.0.1 "+ready), "create", "-f", "-")
	wait("shop/orders:https", "service shop/orders has no port https: its pods have http 8080")
	if out, err := c.kubectl(t.Context(), "", "auth", "can-i", "--list", "--as=system:serviceaccount:wafer:wafer", "-n", "shop"); err != nil || !strings.Contains(out, "endpointslices.discovery.k8s.io") {
		t.Errorf("rights in the namespace: %v\n%s", err, out)
	}
}

// said is one call of tell, as text.
func said(all []discover.Target, err error) string {
	var out []string
	for _, t := range all {
		s := t.Address
		if t.Terminating {
			s += "?"
		}
		if t.Zone != "eu-1a" || t.Host != "orders.shop.svc" {
			s += fmt.Sprintf("%+v", t)
		}
		out = append(out, s)
	}
	if err != nil {
		out = append(out, err.Error())
	}
	return strings.Join(out, " ")
}
