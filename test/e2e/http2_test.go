package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// TestHTTP2 asks the tier by HTTP/2 in clear text, as curl does: what passes, what is blocked, events and
// counters, and the end of a process with a request in flight.
func TestHTTP2(t *testing.T) {
	going, began := make(chan struct{}), make(chan struct{})
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(began)
			<-going
		}
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, r.Method+" "+r.RequestURI+" "+r.Proto+" "+string(body))
	}))
	defer backend.Close()
	tr := tier.Start(t, tier.RouteFile(t, `
routes: [{id: all, upstreams: [{id: app}]}]
upstreams: [{id: app, endpoints: ["`+backend.URL+`"]}]
`), "--drain-delay", "0s")
	curl := func(args ...string) string {
		t.Helper()
		c := exec.CommandContext(t.Context(), "curl", append([]string{"-sS", "--http2-prior-knowledge", "-w", " %{http_code} %{http_version}"}, args...)...)
		out, err := c.CombinedOutput()
		if err != nil {
			t.Errorf("curl %q: %v %s", args, err, out)
		}
		return string(out)
	}
	url := "http://" + strings.Replace(tr.Addr, "127.0.0.1", "localhost", 1)
	if got, want := curl(url+"/a?b=c"), "GET /a?b=c HTTP/1.1  200 2"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := curl("-d", "b=c", url+"/a"), "POST /a HTTP/1.1 b=c 200 2"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := curl(url + "/?a=1%27%20OR%20%271%27%3D%271%27%20--%20"); !strings.HasSuffix(got, " 403 2") {
		t.Errorf("got %q", got)
	}
	e := tr.Event(func(e map[string]any) bool { return e["event"] == "access" && e["verdict"] == "block" })
	if e["protocol"] != "HTTP/2.0" || e["status"] != 403.0 {
		t.Errorf("%v", e)
	}
	for series, least := range map[string]float64{
		`wafer_client_requests_total{protocol="HTTP/2"}`: 3, `wafer_client_connections_total{protocol="HTTP/2"}`: 3,
	} {
		if got := tr.Metric(series); got < least {
			t.Errorf("%s: %v, want %v", series, got, least)
		}
	}
	slow := make(chan string, 1)
	go func() { slow <- curl(url + "/slow") }()
	<-began
	tr.Signal(syscall.SIGTERM)
	tier.Eventually(t, "the listener closes", func() bool {
		response, err := http.Get(url)
		if err == nil {
			_ = response.Body.Close()
		}
		return err != nil
	})
	close(going)
	if got, want := tier.Receive(t, "the response", slow), "GET /slow HTTP/1.1  200 2"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if code := tr.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
