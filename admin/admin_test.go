package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// logBuffer collects log lines of several goroutines.
type logBuffer struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out.String()
}

// start serves o on a socket of its own until the test ends and returns the base URL.
func start(t *testing.T, o Options) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, ln, New(o), o.Log) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return "http://" + ln.Addr().String()
}

type answer struct {
	status int
	header http.Header
	body   string
}

func do(t *testing.T, method, url string, header ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(body)}
}

func fullOptions() Options {
	return Options{
		Metrics: func(w http.ResponseWriter, _ *http.Request, failed func(error)) {
			failed(errors.New("collector broke"))
			_, _ = io.WriteString(w, "wafer_test_total 3\n")
		},
		Ready:  func() error { return nil },
		Reload: func(context.Context) (any, error) { return map[string]any{"generation": 2}, nil },
		Config: func() any { return map[string]any{"policies": []string{"default"}} },
		Routes: func() any { return []string{"orders"} },

		Upstreams: func() any { return []string{"shop"} },

		Version: "1.2.3",
		Log:     zerolog.Nop(),
	}
}

func TestEndpoints(t *testing.T) {
	base := start(t, fullOptions())
	f := func(method, path string, status int, contentType, body string) {
		t.Helper()
		got := do(t, method, base+path)
		if got.status != status {
			t.Errorf("%s %s: status %d, want %d", method, path, got.status, status)
		}
		if ct := got.header.Get("Content-Type"); !strings.HasPrefix(ct, contentType) {
			t.Errorf("%s %s: content type %q", method, path, ct)
		}
		if !strings.Contains(got.body, body) {
			t.Errorf("%s %s: body %q", method, path, got.body)
		}
		for _, name := range []string{"X-Content-Type-Options", "Content-Security-Policy", "Cache-Control", "X-Frame-Options"} {
			if got.header.Get(name) == "" {
				t.Errorf("%s %s: no %s", method, path, name)
			}
		}
	}
	const text, problem = "text/plain", "application/problem+json"
	f("GET", "/healthz", 200, text, "ok\n")
	f("HEAD", "/healthz", 200, text, "")
	f("GET", "/readyz", 200, text, "ready\n")
	f("GET", "/metrics", 200, text, "wafer_test_total 3")
	f("GET", "/api/v1/config", 200, "application/json", `"policies"`)
	f("GET", "/api/v1/routes", 200, "application/json", `"orders"`)
	f("GET", "/api/v1/upstreams", 200, "application/json", `"shop"`)
	f("HEAD", "/api/v1/routes", 200, "application/json", "")
	f("POST", "/-/reload", 200, "application/json", `"generation": 2`)
	f("GET", "/", 200, text, "POST  /-/reload")
	f("GET", "/debug/pprof/", 200, "text/html", "goroutine")
	f("GET", "/debug/pprof/goroutine?debug=1", 200, text, "goroutine profile")
	f("GET", "/debug/pprof/cmdline", 200, text, "")
	f("GET", "/nothing", 404, problem, `"status":404`)
	f("GET", "/healthz/deep", 404, problem, `"status":404`)
	f("GET", "/-/reload", 405, problem, `"status":405`)
	f("PUT", "/-/reload", 405, problem, `"status":405`)
	f("POST", "/healthz", 405, problem, `"status":405`)
	f("DELETE", "/api/v1/config", 405, problem, `"status":405`)
	f("POST", "/", 405, problem, `"status":405`)

	if allow := do(t, "GET", base+"/-/reload").header.Get("Allow"); allow != "POST" {
		t.Errorf("Allow %q", allow)
	}
	if allow := do(t, "POST", base+"/healthz").header.Get("Allow"); allow != "GET, HEAD" {
		t.Errorf("Allow %q", allow)
	}
}

// What is said of endpoints stands in one column, however long their paths are.
func TestIndexIsAligned(t *testing.T) {
	rows := httptest.NewRecorder()
	index("1", []endpoint{{path: "/a", methods: "GET", about: "first"}, {path: "/a/path/that/is/longer/than/others", methods: "GET", about: "other"}})(rows, nil)
	lines := strings.Split(strings.TrimSpace(rows.Body.String()), "\n")
	if n := len(lines); n != 4 || strings.Index(lines[2], "first") != strings.LastIndex(lines[3], "other") {
		t.Errorf("%q", lines)
	}
}

// What nobody provides is not there, and the index does not promise it.
func TestNothingProvided(t *testing.T) {
	base := start(t, Options{Log: zerolog.Nop()})
	f := func(method, path string, status int) {
		t.Helper()
		if got := do(t, method, base+path); got.status != status {
			t.Errorf("%s %s: status %d, want %d", method, path, got.status, status)
		}
	}
	f("GET", "/healthz", 200)
	f("GET", "/readyz", 200)
	f("GET", "/metrics", 404)
	f("POST", "/-/reload", 404)
	f("GET", "/api/v1/config", 404)
	f("GET", "/api/v1/routes", 404)
	f("GET", "/api/v1/upstreams", 404)
	if got := do(t, "GET", base+"/"); strings.Contains(got.body, "reload") {
		t.Errorf("index %q", got.body)
	}
}

func TestNotReady(t *testing.T) {
	o := fullOptions()
	o.Ready = func() error { return errors.New("no snapshot yet") }
	base := start(t, o)
	if got := do(t, "GET", base+"/readyz"); got.status != 503 || got.body != "no snapshot yet\n" {
		t.Errorf("%d %q", got.status, got.body)
	}
	if got := do(t, "GET", base+"/healthz"); got.status != 200 {
		t.Errorf("healthz %d", got.status)
	}
}

// While there is no configuration there is nothing to show and nothing to replace.
func TestNothingInForceYet(t *testing.T) {
	o := fullOptions()
	o.Config, o.Routes = func() any { return nil }, func() any { return nil }
	o.Reload = func(context.Context) (any, error) {
		return nil, fmt.Errorf("%w: %w", ErrNotYet, errors.New("compiling policies"))
	}
	base := start(t, o)
	f := func(method, path, body string) {
		t.Helper()
		if got := do(t, method, base+path); got.status != 503 || !strings.Contains(got.body, body) {
			t.Errorf("%s %s: %d %q", method, path, got.status, got.body)
		}
	}
	f("GET", "/api/v1/config", "no configuration in force yet")
	f("GET", "/api/v1/routes", "no configuration in force yet")
	f("POST", "/-/reload", "no configuration in force yet: compiling policies")
}

func TestReloadFails(t *testing.T) {
	o := fullOptions()
	o.Reload = func(context.Context) (any, error) {
		return nil, errors.Join(errors.New(`routes.yaml: routes[0].id: missing`), errors.New(`routes.yaml: policies[1]: unknown key "mod"`))
	}
	got := do(t, "POST", start(t, o)+"/-/reload")
	if got.status != 422 {
		t.Errorf("status %d", got.status)
	}
	var body struct {
		Status   int
		Error    string
		Problems []string
	}
	if err := json.Unmarshal([]byte(got.body), &body); err != nil {
		t.Fatal(err)
	}
	if body.Status != 422 || len(body.Problems) != 2 || body.Problems[0] != `routes.yaml: routes[0].id: missing` ||
		!strings.Contains(body.Error, "\n") {
		t.Errorf("%+v", body)
	}
}

func TestReloadFromOtherSite(t *testing.T) {
	calls := 0
	o := fullOptions()
	o.Reload = func(context.Context) (any, error) { calls++; return calls, nil }
	base := start(t, o)
	host := strings.TrimPrefix(base, "http://")
	f := func(status int, header ...string) {
		t.Helper()
		before := calls
		got := do(t, "POST", base+"/-/reload", header...)
		if got.status != status {
			t.Errorf("%v: status %d, want %d", header, got.status, status)
		}
		if reloaded := calls > before; reloaded != (status == 200) {
			t.Errorf("%v: reloaded %v", header, reloaded)
		}
	}
	f(200)
	f(200, "Sec-Fetch-Site", "same-origin")
	f(200, "Sec-Fetch-Site", "none")
	f(200, "Origin", "http://"+host)
	f(403, "Sec-Fetch-Site", "cross-site")
	f(403, "Sec-Fetch-Site", "same-site")
	f(403, "Origin", "https://evil.example")
	f(403, "Origin", "null")
}

func TestFailures(t *testing.T) {
	var out logBuffer
	o := fullOptions()
	o.Log = zerolog.New(&out)
	o.Config = func() any { panic("boom") }
	o.Routes = func() any { return func() {} }
	base := start(t, o)
	if got := do(t, "GET", base+"/api/v1/config"); got.status != 500 || strings.Contains(got.body, "boom") {
		t.Errorf("panic: %d %q", got.status, got.body)
	}
	if got := do(t, "GET", base+"/api/v1/routes"); got.status != 500 {
		t.Errorf("not encodable: %d %q", got.status, got.body)
	}
	if got := do(t, "GET", base+"/healthz"); got.status != 200 {
		t.Errorf("healthz after a panic: %d", got.status)
	}
	for _, want := range []string{"admin handler panicked", "boom", "stack", "encode admin response"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("log has no %q: %s", want, out.String())
		}
	}
}

// A metric that fails is logged.
func TestMetricsPartly(t *testing.T) {
	var out logBuffer
	o := fullOptions()
	o.Log = zerolog.New(&out)
	if got := do(t, "GET", start(t, o)+"/metrics"); got.status != 200 || !strings.Contains(got.body, "wafer_test_total 3") {
		t.Errorf("%d %q", got.status, got.body)
	}
	if !strings.Contains(out.String(), "collector broke") {
		t.Errorf("log %q", out.String())
	}
}

// An exchange that is under way when the context ends still gets its answer.
func TestServeFinishes(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	started, release := make(chan struct{}), make(chan struct{})
	o := fullOptions()
	o.Reload = func(context.Context) (any, error) {
		close(started)
		<-release
		return "done", nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- serve(ctx, ln, New(o), zerolog.Nop(), time.Minute) }()
	got := make(chan answer, 1)
	go func() { got <- do(t, "POST", "http://"+ln.Addr().String()+"/-/reload") }()
	<-started
	cancel()
	close(release)
	if a := <-got; a.status != 200 || a.body != "\"done\"\n" {
		t.Errorf("%d %q", a.status, a.body)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if conn, err := net.DialTimeout("tcp", ln.Addr().String(), time.Minute); err == nil {
		conn.Close()
		t.Error("the listener is still open")
	}
}

func TestServeListenerFails(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if err := Serve(t.Context(), ln, New(fullOptions()), zerolog.Nop()); err == nil {
		t.Error("no error from a closed listener")
	}
}
