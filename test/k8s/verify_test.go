package k8s

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/ports"
	"github.com/wafer-waf/wafer/test/tier"
)

func TestMain(m *testing.M) { os.Exit(tier.Main(m)) }

// command runs the binary to its end.
func command(t *testing.T, env []string, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), tier.Binary(t), args...)
	var out, err bytes.Buffer
	c.Env = append(os.Environ(), env...)
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &out, &err
	_ = c.Run() // the exit code says it
	return c.ProcessState.ExitCode(), out.String(), err.String()
}

// application listens on an address of loopback and answers every request with status.
func application(t *testing.T, address string, status int) string {
	t.Helper()
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	s.Listener.Close()
	s.Listener = ln
	s.Start()
	t.Cleanup(s.Close)
	return ln.Addr().String()
}

// closed is an address where nothing listens: what a NetworkPolicy makes of one.
func closed(t *testing.T, host string) string {
	t.Helper()
	return net.JoinHostPort(host, strconv.Itoa(ports.Free(t)))
}

func routeFile(t *testing.T, format string, args ...any) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "routes.yaml")
	if err := os.WriteFile(file, []byte(fmt.Sprintf(format, args...)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

const twoRoutes = `
routes:
  - { id: orders, hosts: [orders.test], policy: %s, upstreams: [{ id: orders }] }
  - { id: site, hosts: ["*.site.test"], paths: [{ prefix: /shop }], methods: [POST], headers: [{ name: X-Tenant, exact: blue }], upstreams: [{ id: site }] }
upstreams:
  - { id: orders, endpoints: ["http://%s"] }
  - { id: site, endpoints: ["http://%s"] }
policies:
  - { id: watch, mode: detect }
`

// wantLines compares the lines of a table that failed, as patterns.
func wantLines(t *testing.T, table string, want ...string) {
	t.Helper()
	var failed []string
	for line := range strings.Lines(table) {
		if strings.HasSuffix(line, "FAIL\n") {
			failed = append(failed, strings.Join(strings.Fields(line), " "))
		}
	}
	if len(failed) != len(want) {
		t.Errorf("%d lines failed, want %d:\n%s", len(failed), len(want), table)
		return
	}
	for i, pattern := range want {
		if !regexp.MustCompile(pattern).MatchString(failed[i]) {
			t.Errorf("line %q, want %q", failed[i], pattern)
		}
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	orders, site := application(t, "127.0.0.2:0", 200), application(t, "127.0.0.3:0", 404)
	running := routeFile(t, twoRoutes, "default", orders, site)
	w := tier.Start(t, running)
	protected := routeFile(t, twoRoutes, "default", closed(t, "127.0.0.2"), closed(t, "127.0.0.3"))

	t.Run("all is right", func(t *testing.T) {
		code, out, errs := command(t, nil, "", "k8s", "verify", "--routes", protected, "--tier", w.Addr)
		if code != 0 {
			t.Errorf("exit %d: %s", code, errs)
		}
		wantLines(t, out)
		if n := strings.Count(out, " ok\n"); n != 2*(1+4+1) { // each route: clean, four attacks, around
			t.Errorf("%d lines are ok:\n%s", n, out)
		}
	})
	t.Run("an unprotected origin is caught", func(t *testing.T) {
		half := routeFile(t, twoRoutes, "default", orders, closed(t, "127.0.0.3"))
		code, out, errs := command(t, nil, "", "k8s", "verify", "--routes", half, "--tier", w.Addr)
		if code != 1 || !strings.Contains(errs, "1 of 12 checks failed") {
			t.Errorf("exit %d: %s", code, errs)
		}
		wantLines(t, out, `^orders around `+regexp.QuoteMeta(orders)+` no connection connected, answers 200 FAIL$`)
	})
	t.Run("a way that does not lead through the tier is caught", func(t *testing.T) {
		code, out, _ := command(t, nil, "", "k8s", "verify", "--through", "http://"+orders+"/")
		if code != 1 {
			t.Errorf("exit %d", code)
		}
		wantLines(t, out, `attack-sqli is blocked 200 FAIL$`, `attack-xss is blocked 200`, `attack-lfi is blocked 200`, `attack-rce is blocked 200`)
	})
	t.Run("a policy that only detects is caught, unless it is meant to", func(t *testing.T) {
		watch := routeFile(t, twoRoutes, "watch", closed(t, "127.0.0.2"), closed(t, "127.0.0.3"))
		code, out, _ := command(t, nil, "", "k8s", "verify", "--routes", watch, "--tier", w.Addr)
		if code != 1 {
			t.Errorf("exit %d", code)
		}
		wantLines(t, out, `attacks are blocked policy watch has mode detect FAIL$`)
		if code, out, errs := command(t, nil, "", "k8s", "verify", "--routes", watch, "--tier", w.Addr, "--unprotected", "orders"); code != 0 {
			t.Errorf("exit %d: %s%s", code, out, errs)
		}
	})
	t.Run("an application that is down proves nothing", func(t *testing.T) {
		down := tier.Start(t, protected)
		code, out, _ := command(t, nil, "", "k8s", "verify", "--routes", protected, "--tier", down.Addr)
		if code != 1 {
			t.Errorf("exit %d", code)
		}
		wantLines(t, out, `^orders .* 503: the application does not answer, so nothing is proven FAIL$`, `^site .* 503: the`)
	})
	t.Run("what cannot be tried fails", func(t *testing.T) {
		odd := routeFile(t, `
routes:
  - { id: expression, paths: [{ regex: "/a+" }], upstreams: [{ id: a }] }
  - { id: moved, hosts: [moved.test], redirect: { host: elsewhere.test } }
upstreams:
  - { id: a, endpoints: ["http://no-such-name.invalid:80"] }
`)
		code, out, _ := command(t, nil, "", "k8s", "verify", "--routes", odd, "--tier", w.Addr)
		if code != 1 {
			t.Errorf("exit %d", code)
		}
		wantLines(t, out, `^expression through .*regular expression`, `^expression around no-such-name.invalid:80 no connection the name is unknown here, so nothing is proven`)
	})
}

// TestVerifyPods: the pods behind an origin Service are tried too, as the API lists them.
func TestVerifyPods(t *testing.T) {
	t.Parallel()
	pod := application(t, "127.0.0.4:0", 200)
	_, port, _ := net.SplitHostPort(pod)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.RequestURI() {
		case "/api/v1/namespaces/shop/services/orders-origin":
			fmt.Fprint(w, `{"kind":"Service","spec":{"ports":[{"name":"http","port":8080},{"name":"metrics","port":9090}]}}`)
		case "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Dorders-origin":
			fmt.Fprintf(w, `{"items":[{"addressType":"IPv4","endpoints":[{"addresses":["127.0.0.4"]}],"ports":[{"name":"http","port":%s},{"name":"metrics","port":1}]}]}`, port)
		default:
			t.Errorf("asked for %s", r.URL.RequestURI())
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(api.Close)
	kubeconfig := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(kubeconfig, []byte(fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"c",
"clusters":[{"name":"c","cluster":{"server":%q}}],"contexts":[{"name":"c","context":{"cluster":"c"}}]}`, api.URL)), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := command(t, []string{"KUBECONFIG=" + kubeconfig}, "", "k8s", "verify", "--pods", "--direct", "orders-origin.shop.svc.cluster.test:8080")
	if code != 1 {
		t.Errorf("exit %d: %s", code, errs)
	}
	want := `^- around orders-origin.shop.svc.cluster.test:8080 at ` + regexp.QuoteMeta(pod) + ` no connection connected, answers 200 FAIL$`
	for line := range strings.Lines(out) {
		if regexp.MustCompile(want).MatchString(strings.Join(strings.Fields(line), " ")) {
			return
		}
	}
	t.Errorf("no line like %s:\n%s%s", want, out, errs)
}
