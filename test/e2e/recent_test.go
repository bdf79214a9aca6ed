package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/wafer-waf/wafer/admin/view"
	"github.com/wafer-waf/wafer/test/tier"
)

// TestTierSeesItself asks one of three pods for all of them; one is killed and one frozen, and both are named.
func TestTierSeesItself(t *testing.T) {
	file := filepath.Join(t.TempDir(), "routes.yaml")
	routes := "routes: [{ id: shop, upstreams: [{ id: app }] }]\nupstreams: [{ id: app, endpoints: [\"http://127.0.0.1:1\"] }]\n"
	if err := os.WriteFile(file, []byte(routes), 0o600); err != nil {
		t.Fatal(err)
	}
	killed, frozen := tier.Plain(t, file), tier.Plain(t, file)
	asked := tier.Plain(t, file, "--admin-peers", killed.Admin+","+frozen.Admin)
	attack := func(w *tier.Tier) {
		t.Helper()
		r, err := http.Get("http://" + w.Addr + "/search?q=1%27+OR+1=1--")
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		if r.StatusCode != http.StatusForbidden {
			t.Errorf("status %d", r.StatusCode)
		}
		w.Event(func(e map[string]any) bool { return e["event"] == "security" })
	}
	for _, w := range []*tier.Tier{killed, frozen, asked} {
		attack(w)
	}
	// ask asks until all pods that can answer have: on a busy machine one is late now and then.
	ask := func(path string, into any, pods int) {
		t.Helper()
		tier.Eventually(t, "answers to "+path, func() bool {
			status, text := asked.Get(path)
			var all struct{ About view.About }
			reflect.ValueOf(into).Elem().SetZero()
			if err := errors.Join(json.Unmarshal([]byte(text), into), json.Unmarshal([]byte(text), &all)); status != http.StatusOK || err != nil {
				t.Fatalf("%s: %d %v %.300s", path, status, err, text)
			}
			answered := 0
			for _, p := range all.About.Pods {
				if p.Answered {
					answered++
				}
			}
			return answered == pods
		})
	}
	var all view.Events
	ask("/api/v1/events?scope=tier&kind=security&rule=942100", &all, 3)
	if len(all.Events) != 3 || !all.About.Complete {
		t.Errorf("%d events, %+v", len(all.Events), all.About)
	}
	var id struct {
		RequestID string `json:"request_id"`
	}
	if err := json.Unmarshal(all.Events[2].Event, &id); err != nil {
		t.Fatal(err)
	}
	var opened view.Opened
	ask("/api/v1/events/"+id.RequestID+"?scope=tier", &opened, 3)
	if x := opened.Exclusion; x == nil || !strings.Contains(x.YAML, "rule: 942100, target: ARGS:q, path: /search") || opened.Policy == nil || opened.Rules[0].Text == "" {
		t.Errorf("%+v", opened)
	}
	var lists struct {
		About view.About
		Pods  []struct {
			Answer struct{ Upstreams []struct{ ID string } }
		}
	}
	ask("/api/v1/upstreams?scope=tier", &lists, 3)
	for _, p := range lists.Pods {
		if len(p.Answer.Upstreams) != 1 || p.Answer.Upstreams[0].ID != "app" {
			t.Errorf("%+v", p)
		}
	}
	if !lists.About.Complete || len(lists.Pods) != 3 {
		t.Errorf("%+v", lists)
	}
	killed.Kill()
	frozen.Signal(syscall.SIGSTOP)
	defer frozen.Signal(syscall.SIGCONT)
	var over view.Overview
	ask("/api/v1/overview?scope=tier", &over, 1)
	missing := map[string]string{}
	for _, p := range over.About.Pods {
		if !p.Answered {
			missing[p.Address] = p.Error
		}
	}
	if over.Healthy || over.Total.Requests != 1 || len(missing) != 2 || !strings.Contains(missing[killed.Admin], "refused") || !strings.Contains(missing[frozen.Admin], "no answer within 2s") {
		t.Errorf("%v, %+v", missing, over.About)
	}
}

// TestWhatIsDownIsTold: the overview names an upstream whose only endpoint takes no connections, and outputs that take
// nothing; and it counts why what went on was not inspected whole, but not what was refused.
func TestWhatIsDownIsTold(t *testing.T) {
	t.Parallel()
	boot := filepath.Join(t.TempDir(), "boot.yaml")
	if err := os.WriteFile(boot, []byte(`events: { sinks: [{ id: archive, events: [access], file: { path: `+filepath.Join(t.TempDir(), "none", "events")+` } }] }
records: { file: { path: `+filepath.Join(t.TempDir(), "none", "records")+` } }
`), 0o600); err != nil {
		t.Fatal(err)
	}
	app := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(app.Close)
	w := tier.Plain(t, tier.RouteFile(t, `routes:
  - { id: dead, hosts: [dead.test], upstreams: [{ id: dead }] }
  - { id: app, record: all, upstreams: [{ id: app }] }
upstreams: [{ id: dead, endpoints: ["http://127.0.0.2:1"] }, { id: app, endpoints: ["`+app.URL+`"] }]
records: [{ id: all, sample: 100% }]
`), "--config", boot)
	post := func(host string, bytes, want int) {
		t.Helper()
		r, err := http.NewRequest(http.MethodPost, "http://"+w.Addr+"/", strings.NewReader(strings.Repeat("\x00", bytes)))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		r.Header.Set("Content-Type", "image/png")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s answers %d to %d bytes", host, resp.StatusCode, bytes)
		}
	}
	post("dead.test", 0, http.StatusServiceUnavailable)
	post("app.test", 100, http.StatusOK)
	post("app.test", 2<<20, http.StatusRequestEntityTooLarge)
	if up, not := w.Metric(`wafer_upstream_endpoints{state="up",upstream="dead"}`), w.Metric(`wafer_upstream_endpoints{state="unreachable",upstream="dead"}`); up != 0 || not != 1 {
		t.Errorf("%v endpoints are up, %v unreachable", up, not)
	}
	tier.Eventually(t, "the overview tells what is down", func() bool {
		_, text := w.Get("/api/v1/overview")
		var o view.Overview
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			t.Fatal(err)
		}
		told := fmt.Sprint(o.Trouble)
		return !o.Healthy && strings.Contains(told, "upstream dead has no endpoint that is up") && strings.Contains(told, "sink archive does not take events") &&
			strings.Contains(told, "records cannot be written") && o.Total.Requests == 3 && reflect.DeepEqual(o.Total.Missed, map[string]uint64{"binary": 1})
	})
}
