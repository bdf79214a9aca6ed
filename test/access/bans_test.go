package access

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/certs"
	"github.com/wafer-waf/wafer/test/redis"
	"github.com/wafer-waf/wafer/test/tier"
)

// application answers 404 below /none.
func application(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/none") {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// banning is a route file of a shop that bans for an hour who gets three times 404. Rules of inspection are off: they
// take seconds to compile.
func banning(t *testing.T) string {
	t.Helper()
	return tier.RouteFile(t, `
routes: [{ id: shop, policy: none, access: shop, upstreams: [{ id: app }] }]
upstreams: [{ id: app, endpoints: ["`+application(t)+`"] }]
policies: [{ id: none, mode: "off" }]
access:
  - id: shop
    rules: [{ id: office, when: { addresses: [192.0.2.200] }, then: always_allow }]
    bans: [{ id: probing, statuses: [404], count: 3, window: 1h, for: 1h, status: 429 }]
`)
}

// start runs a tier that shares a store, and believes this machine whom requests are from.
func start(t *testing.T, routes, store string, more ...string) *tier.Tier {
	t.Helper()
	return tier.Start(t, routes, append([]string{
		"--store-addresses", store, "--store-timeout", "500ms", "--trusted-proxies", "127.0.0.0/8", "--drain-delay", "0",
	}, more...)...)
}

// ask sends a request of a client and returns the status.
func ask(t *testing.T, w *tier.Tier, client, path string) int {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, "http://"+w.Addr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Forwarded-For", client)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// probe has a client banned by a tier.
func probe(t *testing.T, w *tier.Tier, client string) {
	t.Helper()
	for range 3 {
		if got := ask(t, w, client, "/none"); got != http.StatusNotFound {
			t.Fatalf("%s gets %d", client, got)
		}
	}
	banned(t, w, client) // counted when the response is sent
}

func banned(t *testing.T, w *tier.Tier, client string) {
	t.Helper()
	tier.Eventually(t, client+" is banned", func() bool { return ask(t, w, client, "/") == http.StatusTooManyRequests })
}

func free(t *testing.T, w *tier.Tier, client string) {
	t.Helper()
	tier.Eventually(t, client+" is free", func() bool { return ask(t, w, client, "/") == http.StatusOK })
}

// bans runs "wafer bans".
func bans(t *testing.T, w *tier.Tier, args ...string) string {
	t.Helper()
	out, err := exec.Command(tier.Binary(t), append([]string{"bans", "--admin", w.Admin}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("wafer bans %q: %v\n%s", args, err, out)
	}
	return string(out)
}

func storeUp(t *testing.T, w *tier.Tier, want bool) {
	t.Helper()
	tier.Eventually(t, "wafer_store_up", func() bool { return (w.Metric("wafer_store_up") == 1) == want })
}

// A ban of one replica is one of all, whoever makes and clears it, and survives their restarts.
func TestBansReachAllReplicas(t *testing.T) {
	t.Parallel()
	server, routes := redis.Start(t, redis.Options{}), banning(t)
	one, two, three := start(t, routes, server.Addr), start(t, routes, server.Addr), start(t, routes, server.Addr)

	probe(t, one, "192.0.2.1")
	began := time.Now()
	banned(t, two, "192.0.2.1")
	banned(t, three, "192.0.2.1")
	t.Logf("two more replicas ban %s after the first does", time.Since(began).Round(time.Millisecond))
	begun := one.Event(func(e map[string]any) bool { return e["event"] == "ban" })
	if begun["action"] != "begun" || begun["who"] != "192.0.2.1" || begun["access_rule"] != "probing" || begun["reason"] != "status 404" {
		t.Errorf("event %v", begun)
	}
	if got := two.Events(func(e map[string]any) bool { return e["event"] == "ban" }); len(got) > 0 {
		t.Errorf("a ban of another replica is told here: %v", got)
	}

	// What no replica has seen often enough, all together have.
	ask(t, one, "192.0.2.2", "/none")
	ask(t, two, "192.0.2.2", "/none")
	ask(t, three, "192.0.2.2", "/none")
	for _, w := range []*tier.Tier{one, two, three} {
		banned(t, w, "192.0.2.2")
	}

	if got := bans(t, two, "add", "192.0.2.3", "--for", "2h", "--reason", "a person"); !strings.HasPrefix(got, "192.0.2.3 is banned until") {
		t.Error(got)
	}
	tier.Eventually(t, "a person's ban is known", func() bool { return ask(t, three, "192.0.2.3", "/") == http.StatusForbidden })

	// Whoever starts knows all of them before the first request.
	one.Signal(syscall.SIGTERM)
	one.Wait()
	four := start(t, routes, server.Addr)
	for client, want := range map[string]int{"192.0.2.1": 429, "192.0.2.2": 429, "192.0.2.3": 403, "192.0.2.4": 200} {
		if got := ask(t, four, client, "/"); got != want {
			t.Errorf("%s gets %d of a new replica, want %d", client, got, want)
		}
	}
	list := bans(t, four, "list")
	for _, want := range []string{"192.0.2.1  all    probing  1", "192.0.2.3  all    by-hand  1", "a person"} {
		if !strings.Contains(list, want) {
			t.Errorf("no %q in\n%s", want, list)
		}
	}
	if got := bans(t, four, "clear", "192.0.2.1"); got != "1 cleared\n" {
		t.Error(got)
	}
	for _, w := range []*tier.Tier{two, three, four} {
		free(t, w, "192.0.2.1")
	}
	bans(t, two, "clear", "--all")
	free(t, four, "192.0.2.3")
}

// Always-allowed addresses and trusted proxies are never banned, whatever is sent in their name.
func TestWhoIsNeverBanned(t *testing.T) {
	t.Parallel()
	w := tier.Start(t, banning(t), "--trusted-proxies", "127.0.0.0/8,198.51.100.0/24", "--drain-delay", "0")
	for _, client := range []string{"192.0.2.200", "198.51.100.7"} {
		for range 6 {
			ask(t, w, client, "/none")
		}
		if got := ask(t, w, client, "/"); got != http.StatusOK {
			t.Errorf("%s gets %d", client, got)
		}
	}
	out, err := exec.Command(tier.Binary(t), "bans", "--admin", w.Admin, "add", "198.51.100.7").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "trusted proxy") {
		t.Errorf("%v %s", err, out)
	}
	probe(t, w, "192.0.2.1") // without a store, it holds here
	var page struct{ Shared string }
	if _, body := w.Get("/api/v1/bans"); json.Unmarshal([]byte(body), &page) != nil || page.Shared != "none" {
		t.Errorf("%s", body)
	}
	if status, _ := w.Get("/api/v1/store"); status != http.StatusNotFound {
		t.Errorf("a store is described that is not there: %d", status)
	}
}

// A store that breaks costs the tier nothing but what it shares: it serves, bans by itself, says so, and
// shares again what it has banned meanwhile.
func TestStoreFaults(t *testing.T) {
	t.Parallel()
	server := redis.Start(t, redis.Options{Password: "first"})
	way := redis.WayTo(t, server.Addr)
	password := filepath.Join(t.TempDir(), "password")
	write := func(text string) { tier.Rewrite(t, password, text) }
	write("wrong")
	routes := banning(t)
	one := start(t, routes, way.Addr, "--store-password-file", password)
	down := one.Log(func(l map[string]any) bool { return l["reason"] == "denied" })
	if !strings.Contains(down["message"].(string), "user and password") {
		t.Errorf("log %v", down)
	}
	if got := ask(t, one, "192.0.2.1", "/"); got != http.StatusOK {
		t.Errorf("without the store: %d", got)
	}
	write("first\n")
	storeUp(t, one, true)
	two := start(t, routes, server.Addr, "--store-password-file", password)

	for i, c := range []struct {
		name          string
		breaks, mends func()
	}{
		{"killed", server.Kill, server.Run},
		{"frozen", server.Freeze, server.Thaw},
		{"full", server.Fill, server.Empty},
		{"slow", func() { way.Slow(5 * time.Second) }, func() { way.Slow(0); way.Cut() }},
		{"replica", func() { server.Do("REPLICAOF", "127.0.0.1", "1") }, server.Promote},
	} {
		client := "192.0.2." + string(rune('5'+i)) + "0"
		c.breaks()
		probe(t, one, client) // which would fail if requests failed
		storeUp(t, one, false)
		if out := bans(t, one, "list", client); !strings.Contains(out, "the store is down") || !strings.Contains(out, client) {
			t.Errorf("%s: %s", c.name, out)
		}
		if _, body := one.Get("/api/v1/store"); !strings.Contains(body, `"up": false`) {
			t.Errorf("%s: %s", c.name, body)
		}
		c.mends()
		storeUp(t, one, true)
		banned(t, two, client)
		t.Logf("%s: shared again", c.name)
	}
}

// TLS to a store, with certificates of both, and a failover behind one address.
func TestStoreOverTLS(t *testing.T) {
	t.Parallel()
	ca := certs.Authority(t, "store")
	own := ca.Issue(t, certs.Of{CN: "wafer"})
	secured := redis.TLS{CA: ca, Server: ca.Issue(t, certs.Of{CN: "store", DNS: []string{"store.example"}, Server: true}), AskClient: true}
	server := redis.Start(t, redis.Options{TLS: &secured})
	dir := t.TempDir()
	certs.Write(t, dir, map[string][]byte{"ca.pem": ca.Cert(), "own.pem": own.Cert(), "own.key": own.PrivateKey()})
	w := start(t, banning(t), server.Addr, "--store-tls", "on", "--store-tls-ca", filepath.Join(dir, "ca.pem"), "--store-tls-server-name", "store.example",
		"--store-tls-cert", filepath.Join(dir, "own.pem"), "--store-tls-key", filepath.Join(dir, "own.key"))
	storeUp(t, w, true)
	probe(t, w, "192.0.2.1")
	tier.Eventually(t, "the store has the ban", func() bool { return w.Metric(`wafer_store_operations_total{operation="ban",result="ok"}`) > 0 })
}

// What one server knew its replica knows when it takes over.
func TestFailover(t *testing.T) {
	t.Parallel()
	first := redis.Start(t, redis.Options{})
	second := redis.Start(t, redis.Options{ReplicaOf: first})
	second.Synced()
	way := redis.WayTo(t, first.Addr)
	routes := banning(t)
	one := start(t, routes, way.Addr)
	probe(t, one, "192.0.2.1")
	second.Until("1", "ZCARD", "wafer:{bans}:ends")
	second.Promote()
	way.Lead(second.Addr)
	first.Kill()
	way.Cut()
	two := start(t, routes, way.Addr)
	banned(t, two, "192.0.2.1")
	probe(t, one, "192.0.2.2")
	banned(t, two, "192.0.2.2")
}

// What is configured and does nothing is said: bans where no policy enforces them, limits that are shared with nobody.
func TestWhatDoesNothingIsSaid(t *testing.T) {
	t.Parallel()
	routes := tier.RouteFile(t, `
routes: [{ id: shop, policy: none, access: shop, upstreams: [{ id: app }] }]
upstreams: [{ id: app, endpoints: ["`+application(t)+`"] }]
policies: [{ id: none, mode: "off" }]
access: [{ id: shop, mode: observe, limits: [{ id: l, rate: 10/s, share: exact }, { id: alone, rate: 10/s }] }]
`)
	w := tier.Start(t, routes, "--drain-delay", "0")
	w.Log(func(l map[string]any) bool {
		return l["level"] == "warn" && l["access"] == "shop" && fmt.Sprint(l["limits"]) == "[l]"
	})
	if out := bans(t, w, "add", "192.0.2.1"); !strings.Contains(out, "keeps nobody away: no route has") {
		t.Error(out)
	}
	if out := bans(t, w, "add", "192.0.2.1", "--scope", "route", "--where", "shop"); !strings.Contains(out, "keeps nobody away: the route has") {
		t.Error(out)
	}
	inside := tier.Start(t, tier.RouteFile(t, `
routes: [{ id: shop, policy: none, access: shop, upstreams: [{ id: app }] }]
upstreams: [{ id: app, endpoints: ["`+application(t)+`"] }]
policies: [{ id: none, mode: "off" }]
lists: [{ id: offices, entries: [192.0.2.0/24] }]
access:
- id: shop
  rules:
  - { id: health, when: { addresses: [198.51.100.0/24], paths: [{ exact: /healthz }] }, then: always_allow }
  - { id: office, when: { addresses: [offices] }, then: always_allow }
`), "--drain-delay", "0")
	if out := bans(t, inside, "add", "192.0.2.1"); !strings.Contains(out, "come first: shop/office") {
		t.Error(out)
	}
	if out := bans(t, inside, "add", "198.51.100.1"); strings.Contains(out, "keeps nobody away") {
		t.Error(out)
	}
	boot := filepath.Join(filepath.Dir(routes), "wafer.yaml")
	for store, want := range map[string]string{"": "each replica counts alone in l\n", "store: { addresses: [\"redis:6379\"] }\n": "through a store in l\n"} {
		tier.Rewrite(t, boot, "routes: "+routes+"\n"+store)
		if out, err := exec.Command(tier.Binary(t), "check", routes, boot).CombinedOutput(); err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%v, no %q in\n%s", err, want, out)
		}
	}
	if out := bans(t, start(t, banning(t), "127.0.0.1:1"), "add", "192.0.2.1"); strings.Contains(out, "nobody") {
		t.Error(out)
	}
}
