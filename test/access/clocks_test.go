package access

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/redis"
	"github.com/wafer-waf/wafer/test/tier"
)

// clocksFile has everything that replicas share. What it forgets it forgets after less time than some clocks differ.
const clocksFile = `
routes:
  - { id: exact, hosts: [exact.test], access: exact, policy: none, upstreams: [{ id: app }] }
  - { id: local, hosts: [local.test], access: local, policy: none, upstreams: [{ id: app }] }
  - { id: rules, hosts: [rules.test], policy: rules, upstreams: [{ id: app }] }
  - { id: shop, access: shop, policy: none, upstreams: [{ id: app }] }
upstreams: [{ id: app, endpoints: ["%s"] }]
policies:
  - { id: none, mode: "off" }
  - id: rules
    rules_before:
      - inline: |
          SecAction "id:100001,phase:1,pass,nolog,initcol:ip=%%{REMOTE_ADDR}"
          SecRule REQUEST_FILENAME "@streq /count" "id:100002,phase:1,pass,nolog,setvar:ip.n=+1,expirevar:ip.n=50"
          SecRule IP:n "@ge 9" "id:100003,phase:1,deny,status:429"
access:
  - { id: exact, limits: [{ id: l, rate: 10/s, burst: 30, share: exact }] }
  - { id: local, limits: [{ id: l, rate: 10/s, burst: 30, share: local }] }
  - { id: shop, bans: [{ id: probing, statuses: [404], count: 3, window: 50s, for: 50s, status: 429 }] }
`

// TestClocksThatDiffer has replicas whose clocks differ share limits, bans and collections, as they do with one clock. With
// -short they do have one: a tier with another one is built for a minute or two.
func TestClocksThatDiffer(t *testing.T) {
	t.Parallel()
	file := tier.RouteFile(t, fmt.Sprintf(clocksFile, application(t)))
	differ := []time.Duration{2 * time.Second, time.Minute}
	if testing.Short() {
		differ = []time.Duration{0}
	}
	for _, ahead := range differ {
		t.Run(ahead.String(), func(t *testing.T) { clocksDiffer(t, file, ahead) })
	}
}

func clocksDiffer(t *testing.T, file string, ahead time.Duration) {
	const lasts = 2 * time.Second
	store := redis.Start(t, redis.Options{})
	var tiers []*tier.Tier
	clocks := []time.Duration{-ahead, 0, ahead}
	for _, by := range clocks {
		before := time.Now().Add(by).Truncate(time.Second)
		w := tier.Ahead(t, by, file, "--store-addresses", store.Addr, "--store-timeout", "5s", "--trusted-proxies", "127.0.0.0/8", "--log-access", "off")
		text, _ := w.Log(func(l map[string]any) bool { return l["message"] == "serving" })["time"].(string)
		says, err := time.Parse(time.RFC3339Nano, text)
		if err != nil || says.Before(before) || says.After(time.Now().Add(by)) {
			t.Fatalf("a tier has the time %q, %v", text, err)
		}
		tiers = append(tiers, w)
	}

	var limits sync.WaitGroup
	for host, over := range map[string]float64{"exact.test": 0, "local.test": (replicas-1)*burst + 2*replicas*perSecond} {
		limits.Go(func() {
			passed, took := flood(t, tiers, host, "192.0.2.1", lasts)
			least, most := 0.95*(burst+perSecond*lasts.Seconds()), burst+perSecond*took.Seconds()+over
			if t.Logf("%s: %d have passed in %v", host, passed, took); float64(passed) < least || float64(passed) > most {
				t.Errorf("%s: %d have passed in %v, not %.0f to %.0f", host, passed, took, least, most)
			}
		})
	}
	limits.Wait()

	for i, w := range tiers {
		client := fmt.Sprintf("192.0.2.%d", 10+i)
		probe(t, w, client)
		var ends []time.Time
		for j, other := range tiers {
			banned(t, other, client)
			ends = append(ends, endOf(t, other, client).Add(-clocks[j]))
		}
		for _, end := range ends {
			if apart := end.Sub(ends[0]).Abs(); apart >= 2*time.Second {
				t.Errorf("a ban ends %v sooner or later, by the clock of this machine", apart)
			}
		}
		// Counted together, within a window that is shorter than what some clocks differ by.
		client = fmt.Sprintf("192.0.2.%d", 20+i)
		for j := range tiers {
			ask(t, tiers[(i+j)%len(tiers)], client, "/none")
		}
		for _, other := range tiers {
			banned(t, other, client)
		}
	}

	for range 3 {
		for _, w := range tiers {
			counts(t, w, "/count")
		}
	}
	for _, w := range tiers {
		tier.Eventually(t, "a replica has the sum", func() bool { return counts(t, w, "/") == http.StatusTooManyRequests })
	}
}

// endOf is when the ban of a client ends, as a tier has it.
func endOf(t *testing.T, w *tier.Tier, client string) time.Time {
	t.Helper()
	var page struct{ Bans []struct{ Until time.Time } }
	if _, body := w.Get("/api/v1/bans?who=" + client); json.Unmarshal([]byte(body), &page) != nil || len(page.Bans) != 1 {
		t.Fatalf("%s", body)
	}
	return page.Bans[0].Until
}

// counts sends a request to the host whose rules count, and returns the status.
func counts(t *testing.T, w *tier.Tier, path string) int {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, "http://"+w.Addr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "rules.test"
	r.Header.Set("X-Forwarded-For", "192.0.2.30")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}
