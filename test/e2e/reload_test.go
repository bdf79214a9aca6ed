package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// named is a route file whose backend can tell by the field X-Gen which one was in force.
func named(name, endpoint string) string {
	return `
routes:
  - id: shop
    hosts: [shop.test]
    upstreams: [{ id: a }]
    request_headers: { set: [{ name: X-Gen, value: ` + name + ` }] }
upstreams:
  - { id: a, endpoints: ["` + endpoint + `"] }
` + off
}

// wantGen asks until the route file of that name is in force.
func wantGen(t *testing.T, w *tier.Tier, name string) {
	t.Helper()
	tier.Eventually(t, "the route file "+name+" in force", func() bool {
		return strings.Contains(get(t, w, "shop.test", "/").body, "\r\nX-Gen: "+name+"\r\n")
	})
}

func TestFileChangesAreNoticed(t *testing.T) {
	t.Parallel()
	back := newEcho(t, nil)
	file := tier.RouteFile(t, named("one", back.url()))
	w := tier.Start(t, file, "--reload-interval", "30ms")
	wantGen(t, w, "one")
	tier.Rewrite(t, file, named("two", back.url()))
	wantGen(t, w, "two")
	w.Log(func(l map[string]any) bool { return l["trigger"] == "file" && l["generation"] == 2.0 })

	tier.Rewrite(t, file, "routes: [\n")
	failed := w.Log(func(l map[string]any) bool { return l["level"] == "error" && l["trigger"] == "file" })
	if text := fmt.Sprint(failed["error"]); !strings.Contains(text, file+":") {
		t.Errorf("the log does not name the file: %v", failed)
	}
	wantGen(t, w, "two")
	if status, text := w.Get("/readyz"); status != 200 {
		t.Errorf("/readyz: %d %s", status, text)
	}
	if n := w.Metric("wafer_config_last_reload_successful"); n != 0 {
		t.Errorf("last_reload_successful is %v", n)
	}
	tier.Rewrite(t, file, named("three", back.url()))
	wantGen(t, w, "three")
	wantGeneration(t, w, 3)
	if n := w.Metric("wafer_config_last_reload_successful"); n != 1 {
		t.Errorf("last_reload_successful is %v after the repair", n)
	}
}

// wantGeneration waits until the metric is as large as that: a new configuration serves a moment before it is counted.
func wantGeneration(t *testing.T, w *tier.Tier, want float64) {
	t.Helper()
	var n float64
	tier.Eventually(t, "the generation", func() bool {
		n = w.Metric("wafer_config_generation")
		return n >= want
	})
	if n != want {
		t.Errorf("generation %v, want %v", n, want)
	}
}

// TestConfigMapSwap changes the file the way a kubelet does: the file is a link to a link
// to a folder, and only the middle one is replaced.
func TestConfigMapSwap(t *testing.T) {
	t.Parallel()
	back := newEcho(t, nil)
	volume := t.TempDir()
	publish := func(version string) {
		t.Helper()
		folder := filepath.Join(volume, "..v_"+version)
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		tier.Rewrite(t, filepath.Join(folder, "routes.yaml"), named(version, back.url()))
		if err := os.Symlink("..v_"+version, filepath.Join(volume, "..data_tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(volume, "..data_tmp"), filepath.Join(volume, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	publish("one")
	file := filepath.Join(volume, "routes.yaml")
	if err := os.Symlink(filepath.Join("..data", "routes.yaml"), file); err != nil {
		t.Fatal(err)
	}
	w := tier.Start(t, file, "--reload-interval", "30ms")
	wantGen(t, w, "one")
	publish("two")
	if err := os.RemoveAll(filepath.Join(volume, "..v_one")); err != nil {
		t.Fatal(err)
	}
	wantGen(t, w, "two")
	wantGeneration(t, w, 2)
	if n := w.Metric(`wafer_config_reloads_total{result="failure"}`); n != 0 {
		t.Errorf("%v reloads failed", n)
	}
}

func TestReloadOnDemand(t *testing.T) {
	t.Parallel()
	back := newEcho(t, nil)
	file := tier.RouteFile(t, named("one", back.url()))
	w := tier.Start(t, file, "--reload-interval", "0")
	type outcome struct {
		Generation               float64
		Changed                  bool
		Added, Removed, Modified []string
	}
	reload := func(want outcome) {
		t.Helper()
		status, text := w.Reload()
		var got outcome
		if err := json.Unmarshal([]byte(text), &got); err != nil || status != 200 {
			t.Fatalf("reload: %d %s", status, text)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("reload: %+v, want %+v", got, want)
		}
	}
	reload(outcome{Generation: 1})
	tier.Rewrite(t, file, named("two", back.url()))
	reload(outcome{Generation: 2, Changed: true, Modified: []string{"shop"}})
	wantGen(t, w, "two")
	reload(outcome{Generation: 2})

	tier.Rewrite(t, file, named("three", back.url()))
	w.Signal(syscall.SIGHUP)
	w.Log(func(l map[string]any) bool { return l["trigger"] == "SIGHUP" && l["generation"] == 3.0 })
	wantGen(t, w, "three")

	// A second route comes and goes, with its series.
	series := `wafer_requests_total{route="extra",verdict="pass"}`
	extra := strings.Replace(named("four", back.url()), "\nupstreams:", "\n  - { id: extra, hosts: [extra.test], upstreams: [{ id: a }] }\nupstreams:", 1)
	for i := range 2 {
		get(t, w, "extra.test", "/").wantStatus(t, 404)
		tier.Rewrite(t, file, extra)
		generation := float64(4 + 2*i)
		reload(outcome{Generation: generation, Changed: true, Added: []string{"extra"}, Modified: []string{"shop"}})
		r := get(t, w, "extra.test", "/").wantStatus(t, 200)
		w.Access(r.id)
		if n := w.Metric(series); n != 1 {
			t.Errorf("%s is %v, want 1", series, n)
		}
		tier.Rewrite(t, file, named("five", back.url()))
		reload(outcome{Generation: generation + 1, Changed: true, Removed: []string{"extra"}, Modified: []string{"shop"}})
		get(t, w, "extra.test", "/").wantStatus(t, 404)
		tier.Eventually(t, "the end of the removed route's series", func() bool {
			_, text := w.Get("/metrics")
			return !strings.Contains(text, `route="extra"`)
		})
	}

	// What is wrong is said, with its place, and changes nothing.
	tier.Rewrite(t, file, strings.Replace(named("broken", back.url()), "hosts: [shop.test]", "hosts: [shop.test]\n    methods: [get]\n    policy: nosuch", 1))
	status, text := w.Reload()
	for _, want := range []string{file + ":5: routes[0].methods[0]: ", file + ":6: routes[0].policy: "} {
		if status != 422 || !strings.Contains(text, want) {
			t.Errorf("reload of a broken file: %d, and no %q in\n%s", status, want, text)
		}
	}
	if n := w.Metric("wafer_config_last_reload_successful"); n != 0 {
		t.Errorf("last_reload_successful is %v", n)
	}
	if status, _ := w.Get("/readyz"); status != 200 {
		t.Errorf("/readyz: %d", status)
	}
	wantGen(t, w, "five")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if status, text := w.Reload(); status != 422 || !strings.Contains(text, "no such file") {
		t.Errorf("reload of no file: %d %s", status, text)
	}
	tier.Rewrite(t, file, named("five", back.url()))
	reload(outcome{Generation: 7}) // what is in force all along
	if n := w.Metric("wafer_config_last_reload_successful"); n != 1 {
		t.Errorf("last_reload_successful is %v after the repair", n)
	}
}

func TestPoliciesThatProtectNothingAreRefused(t *testing.T) {
	t.Parallel()
	back := newEcho(t, nil)
	text := func(exclusion string) string {
		return `
routes:
  - { id: shop, hosts: [shop.test], policy: shop, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["` + back.url() + `"] }
policies:
  - id: shop
    exclusions: [` + exclusion + `]
`
	}
	const hole = `{ tag: attack-sqli, reason: it was in the way }`
	says := func(what, text string) {
		t.Helper()
		for _, want := range []string{`policy "shop"`, "policies[0]", "built-in probe attack-sqli", "mode: detect"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q:\n%s", what, want, text)
			}
		}
	}
	file := tier.RouteFile(t, text(hole))
	c := exec.Command(tier.Binary(t), "serve", "--routes", file, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
	out, _ := c.CombinedOutput() // the exit code says it
	if code := c.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	says("the start", string(out))

	tier.Rewrite(t, file, text(`{ tag: attack-sqli, target: "ARGS:comment", reason: comments are prose }`))
	w := tier.Start(t, file, "--reload-interval", "0")
	tier.Rewrite(t, file, text(hole))
	status, answer := w.Reload()
	if status != 422 {
		t.Errorf("reload: %d", status)
	}
	var problem struct{ Error string }
	if err := json.Unmarshal([]byte(answer), &problem); err != nil {
		t.Fatal(err)
	}
	says("the reload", problem.Error)
	get(t, w, "shop.test", "/?q="+injection).wantStatus(t, 403)
	if n := w.Metric("wafer_config_generation"); n != 1 {
		t.Errorf("generation %v, want 1", n)
	}
}
