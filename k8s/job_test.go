package k8s

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestJobInSeveralNamespaces: it may look for pods where the applications are, and nowhere else.
func TestJobInSeveralNamespaces(t *testing.T) {
	var b strings.Builder
	o := JobOptions{Namespace: "wafer", Image: "wafer:1", ConfigMap: "wafer-routes", Schedule: "*/15 * * * *", Endpoints: []string{
		"orders-origin.shop.svc.cluster.local:80", "mail-origin.shop.svc:80", "ads-origin.web.svc.cluster.local:80", "pay-origin.bank:80", "own-origin:80", "www.example.com:443", "10.0.0.1:80", "[2001:db8::1]:80",
	}}
	if err := WriteJob(&b, o); err != nil {
		t.Fatal(err)
	}
	for want, n := range map[string]int{
		"\nkind: Role\n": 4, "\nkind: RoleBinding\n": 4, "  namespace: shop\n": 2, "  namespace: web\n": 2, "  namespace: bank\n": 2,
		"# To find the pods behind pay-origin.bank. If that is a host outside": 1,
		"kind: CronJob\n": 1, "  schedule: \"*/15 * * * *\"\n": 1, "\nkind: Job\n": 0,
	} {
		if got := strings.Count(b.String(), want); got != n {
			t.Errorf("%q is there %d times, want %d:\n%s", want, got, n, b.String())
		}
	}
	o.Schedule = "* * * * *\"\nkind: Pod"
	if err := WriteJob(&b, o); err == nil {
		t.Error("a schedule ends its line")
	}
}

func TestPush(t *testing.T) {
	var got string
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		got = r.Method + " " + r.URL.Path + "\n" + string(text)
		if strings.HasSuffix(r.URL.Path, "/full") {
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	defer gateway.Close()
	if err := Push(t.Context(), gateway.URL+"/metrics/job/wafer-verify", []Check{{OK: true}, {OK: true}, {}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"PUT /metrics/job/wafer-verify\n", `wafer_verify_checks{result="ok"} 2`, `wafer_verify_checks{result="failed"} 1`} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if err := Push(t.Context(), gateway.URL+"/full", nil); err == nil {
		t.Error("what the gateway refuses went well")
	}
}
