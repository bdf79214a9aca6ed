package k8s

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// connect returns a Cluster whose API is handler.
func connectTo(t *testing.T, handler http.Handler) *Cluster {
	t.Helper()
	api := httptest.NewServer(handler)
	t.Cleanup(api.Close)
	file := filepath.Join(t.TempDir(), "config")
	text := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"c","clusters":[{"name":"c","cluster":{"server":%q}}],
"contexts":[{"name":"c","context":{"cluster":"c","namespace":"shop"}}]}`, api.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", file)
	c, err := Connect()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestReadWithFewRights: who may not read all namespaces reads one, and a cluster without
// the Gateway API or the tier's ConfigMap is none the worse. Kinds that are not there are forbidden, too.
func TestReadWithFewRights(t *testing.T) {
	answers := map[string]string{
		"/api/v1/namespaces/shop/services":                           `{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"orders","namespace":"shop"}}]}`,
		"/apis/apps/v1/namespaces/shop/statefulsets":                 `{"kind":"StatefulSetList","apiVersion":"apps/v1","items":[]}`,
		"/apis/networking.k8s.io/v1/namespaces/shop/ingresses":       `{"kind":"IngressList","apiVersion":"networking.k8s.io/v1","items":[]}`,
		"/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies": `{"kind":"NetworkPolicyList","apiVersion":"networking.k8s.io/v1","items":[{"metadata":{"name":"deny","namespace":"shop"}}]}`,
	}
	var forbidden []string
	c := connectTo(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch answer, ok := answers[r.URL.Path]; {
		case ok:
			fmt.Fprint(w, answer)
		case r.URL.Path == "/apis/networking.k8s.io/v1/networkpolicies", strings.HasSuffix(r.URL.Path, "/httproutes"):
			forbidden = append(forbidden, r.URL.Path)
			w.WriteHeader(http.StatusForbidden)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	if c.Namespace != "shop" {
		t.Errorf("namespace %q", c.Namespace)
	}
	o, err := c.Read(t.Context(), "shop", "shop/wafer-routes")
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Services) != 1 || len(o.Policies) != 1 || len(o.ConfigMaps) != 0 || len(forbidden) != 3 {
		t.Errorf("read %+v, forbidden %v", o, forbidden)
	}

	// Routes that are there and cannot be read are not taken for none.
	answers["/apis/gateway.networking.k8s.io/v1"] = `{"kind":"APIResourceList"}`
	if _, err := c.Read(t.Context(), "shop"); err == nil || !strings.Contains(err.Error(), "namespaces/shop/httproutes: the API refuses it") {
		t.Errorf("with routes that cannot be read: %v", err)
	}
	delete(answers, "/apis/gateway.networking.k8s.io/v1")

	delete(answers, "/api/v1/namespaces/shop/services")
	if _, err := c.Read(t.Context(), "shop"); err == nil || err.Error() != "/api/v1/namespaces/shop/services: the API answers 404" {
		t.Errorf("without services: %v", err)
	}
}

func TestPods(t *testing.T) {
	c := connectTo(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.RequestURI() {
		case "/api/v1/namespaces/shop/services/orders-origin":
			fmt.Fprint(w, `{"spec":{"ports":[{"port":80},{"name":"metrics","port":9090}]}}`)
		case "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Dorders-origin":
			fmt.Fprint(w, `{"items":[
{"endpoints":[{"addresses":["10.0.0.2"]},{"addresses":["10.0.0.1"]}],"ports":[{"name":"","port":8080},{"name":"metrics","port":9090}]},
{"endpoints":[{"addresses":["fd00::1"]},{"addresses":["10.0.0.1"]}],"ports":[{"port":8080}]}]}`)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	got, err := c.Pods(t.Context(), "shop", "orders-origin", "80")
	if want := []string{"10.0.0.1:8080", "10.0.0.2:8080", "[fd00::1]:8080"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if _, err := c.Pods(t.Context(), "shop", "orders-origin", "81"); err == nil {
		t.Error("a port that is not there has pods")
	}
	if _, err := c.Pods(t.Context(), "shop", "orders", "80"); err == nil {
		t.Error("a Service that is not there has pods")
	}
}
