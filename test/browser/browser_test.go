package browser

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/wafer-waf/wafer/test/tier"
)

func TestMain(m *testing.M) { os.Exit(tier.Main(m)) }

// patience is how long a test waits for something that has to happen, and lifetime how long it may look at a window.
const (
	patience = 2 * time.Minute
	lifetime = 10 * time.Minute
)

// visits are what has reached the application, by target.
type visits struct {
	mu  sync.Mutex
	all []string
}

func (v *visits) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	v.all = append(v.all, r.Method+" "+r.RequestURI)
	v.mu.Unlock()
	fmt.Fprintf(w, "<!doctype html><title>Shop</title><h1>%s %s</h1>", r.Method, r.URL.Path)
}

func (v *visits) seen(what string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, one := range v.all {
		if one == what {
			return true
		}
	}
	return false
}

// routes is a route file with a challenge, in front of an application.
func routes(application, keys string) string {
	return `
routes: [{ id: shop, access: shop, upstreams: [{ id: a }] }]
upstreams: [{ id: a, endpoints: ["` + application + `"] }]
access:
  - id: shop
    challenge: { keys: [` + keys + `], otherwise: deny, no_script_wait: 1s }
    rules: [{ id: all, then: challenge }]
`
}

const (
	oldKey = "a secret that is shared by all replicas"
	newKey = "the secret that takes the place of it"
)

// window is a tab of a browser with cookies of its own.
type window struct {
	t   *testing.T
	ctx context.Context
}

// browser is one that runs.
type browser struct{ ctx context.Context }

// open opens a window.
func (b *browser) open(t *testing.T, scripts bool) *window {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, lifetime)
	t.Cleanup(cancel)
	w := &window{t, ctx}
	w.do(chromedp.Do(ctx))
	_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts})
	w.do(err)
	return w
}

func (w *window) do(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// visit goes somewhere, and waits until the page there has that heading. It returns where the window is then.
func (w *window) visit(url, heading string) string {
	w.t.Helper()
	w.do(chromedp.Do(w.ctx, chromedp.Navigate(url)))
	w.shows("h1", heading)
	at, err := chromedp.Run(w.ctx, chromedp.Location())
	w.do(err)
	return at
}

// shows waits until an element has that text.
func (w *window) shows(element, text string) {
	w.t.Helper()
	w.do(chromedp.Do(w.ctx, chromedp.WaitVisible(chromedp.Search(fmt.Sprintf("//%s[contains(., '%s')]", element, text)))))
}

// start starts a browser to which every host below test is this machine. Pages by http from there are no secure context,
// as those of most sites within a cluster.
func start(t *testing.T) *browser {
	t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Fatal("there is no chromium: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.Flag("host-resolver-rules", "MAP *.test 127.0.0.1"))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return &browser{ctx}
}

// TestChallenge has three replicas ask a browser, with scripts and without, and programs that are none.
func TestChallenge(t *testing.T) {
	seen := &visits{}
	application := httptest.NewServer(seen)
	t.Cleanup(application.Close)
	var replicas [3]*tier.Tier
	var files [3]string
	var all sync.WaitGroup
	for i := range replicas {
		files[i] = tier.RouteFile(t, routes(application.URL, oldKey))
		all.Go(func() {
			replicas[i] = tier.Plain(t, files[i], "--trusted-proxies", "127.0.0.1/32", "--reload-interval", "0s")
		})
	}
	chromium := start(t)
	if all.Wait(); t.Failed() {
		return
	}
	url := func(replica int, path string) string {
		return "http://shop.test:" + replicas[replica].Addr[strings.LastIndexByte(replicas[replica].Addr, ':')+1:] + path
	}

	patient := chromium.open(t, false)
	patient.do(chromedp.Do(patient.ctx, chromedp.Navigate(url(0, "/patient?a=b"))))
	patient.shows("p", "Scripts are off")

	scripted := chromium.open(t, true)
	if at, want := scripted.visit(url(0, "/cart?a=1&b=2#pay"), "GET /cart"), url(0, "/cart?a=1&b=2#pay"); at != want {
		t.Errorf("a browser is at %s, want %s", at, want)
	}
	for i := range replicas { // hosts share cookies whatever their ports are
		scripted.visit(url(i, fmt.Sprint("/at/", i)), fmt.Sprint("GET /at/", i))
	}
	if got := replicas[0].Metric(`wafer_challenge_answers_total{outcome="solved"}`); got != 1 {
		t.Errorf("%v puzzles solved, want 1", got)
	}
	for i := range replicas[1:] {
		if got := replicas[i+1].Metric(`wafer_access_decisions_total{decision="challenged",policy="shop",rule="all"}`); got != 0 {
			t.Errorf("another replica has asked %v times", got)
		}
	}

	cookie := scripted.token(url(0, "/"))
	if !cookie.HTTPOnly || cookie.SameSite != network.CookieSameSiteLax || cookie.Secure || cookie.Path != "/" {
		t.Errorf("cookie %+v", cookie)
	}
	agent, err := chromedp.Run(scripted.ctx, chromedp.Evaluate[string]("navigator.userAgent"))
	scripted.do(err)
	stolen := &thief{t, url(1, "/stolen"), map[string]string{"Cookie": cookie.Name + "=" + cookie.Value, "User-Agent": agent, "Accept": "text/html"}}
	stolen.wants("as it is", http.StatusOK)
	stolen.with("User-Agent", "curl/8").wants("with another user agent", http.StatusTooManyRequests)
	stolen.with("X-Forwarded-For", "192.0.2.7").wants("from another network", http.StatusTooManyRequests)
	stolen.with("Host", "other.test").wants("for another host", http.StatusTooManyRequests)

	rotate := func(replica int, keys string) {
		t.Helper()
		tier.Rewrite(t, files[replica], routes(application.URL, keys))
		if status, text := replicas[replica].Reload(); status != http.StatusOK {
			t.Fatal(status, text)
		}
	}
	rotate(1, newKey+", "+oldKey)
	rotate(2, newKey)
	scripted.visit(url(1, "/rotated"), "GET /rotated")
	if got := replicas[1].Metric(`wafer_challenges_total{got="page",policy="shop",token="other_key"}`); got != 0 {
		t.Errorf("asked %v times by a replica that knows both keys", got)
	}
	scripted.visit(url(2, "/asked-anew"), "GET /asked-anew")
	if got := replicas[2].Metric(`wafer_challenge_answers_total{outcome="solved"}`); got != 1 {
		t.Errorf("%v puzzles solved with the new key, want 1", got)
	}

	curl(t, url(0, "/curl"))
	restless := chromium.open(t, true) // solves what it is asked, and is asked again, but not for ever
	restless.do(chromedp.Do(restless.ctx, chromedp.Navigate(moving(t, replicas[1].Addr)+"/restless")))
	restless.shows("p", "network address may change")
	forgetful := chromium.open(t, true)
	_, err = chromedp.Call(forgetful.ctx, emulation.SetDocumentCookieDisabled, emulation.SetDocumentCookieDisabledParams{Disabled: true})
	forgetful.do(err)
	forgetful.do(chromedp.Do(forgetful.ctx, chromedp.Navigate(url(1, "/forgetful"))))
	forgetful.shows("p", "does not keep the cookie")
	patient.shows("h1", "GET /patient")
	if got := replicas[0].Metric(`wafer_challenge_answers_total{outcome="waited"}`); got != 1 {
		t.Errorf("%v waits, want 1", got)
	}
	for _, want := range []string{"GET /patient?a=b", "GET /cart?a=1&b=2", "GET /stolen"} {
		if !seen.seen(want) {
			t.Errorf("%q has not reached the application", want)
		}
	}
	if seen.seen("GET /curl") {
		t.Error("curl has reached the application")
	}
}

// moving is in front of a tier, and has each page that is asked for come from another network.
func moving(t *testing.T, tier string) (url string) {
	var asked atomic.Int32
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		n := asked.Load()
		if r.In.Method == http.MethodGet {
			n = asked.Add(1)
		}
		r.Out.URL.Scheme, r.Out.URL.Host = "http", tier
		r.Out.Header.Set("X-Forwarded-For", fmt.Sprintf("192.0.%d.1", n%200))
	}})
	t.Cleanup(proxy.Close)
	return strings.Replace(proxy.URL, "127.0.0.1", "moving.test", 1)
}

// token is the cookie that a window has got.
func (w *window) token(url string) *network.Cookie {
	w.t.Helper()
	got, err := chromedp.Call(w.ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{url}})
	w.do(err)
	for _, c := range got.Cookies {
		if c.Name == "wafer-pass" {
			return c
		}
	}
	w.t.Fatal("no cookie")
	return nil
}

// thief has the token of somebody else.
type thief struct {
	t      *testing.T
	url    string
	fields map[string]string
}

func (h *thief) with(name, value string) *thief {
	changed := map[string]string{}
	for n, v := range h.fields {
		changed[n] = v
	}
	changed[name] = value
	return &thief{h.t, h.url, changed}
}

func (h *thief) wants(name string, status int) {
	h.t.Helper()
	req, err := http.NewRequest(http.MethodGet, strings.Replace(h.url, "shop.test", "127.0.0.1", 1), nil)
	if err != nil {
		h.t.Fatal(err)
	}
	req.Host = "shop.test"
	for n, v := range h.fields {
		if req.Header.Set(n, v); n == "Host" {
			req.Host = v
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != status {
		h.t.Errorf("a token %s: %d, want %d", name, resp.StatusCode, status)
	}
}

// curl asks as a program does that follows redirects and keeps cookies.
func curl(t *testing.T, url string) {
	t.Helper()
	host := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/curl")
	jar := filepath.Join(t.TempDir(), "cookies")
	for _, accept := range []string{"*/*", "text/html"} {
		out, err := exec.Command("curl", "-s", "-L", "-c", jar, "-b", jar, "-H", "Accept: "+accept, "--resolve", host+":127.0.0.1",
			"-o", os.DevNull, "-o", os.DevNull, "-w", "%{http_code}", url, url).CombinedOutput()
		want := map[string]string{"*/*": "403403", "text/html": "429429"}[accept]
		if err != nil || string(out) != want {
			t.Errorf("curl with %s: %v %s, want %s", accept, err, out, want)
		}
	}
}
