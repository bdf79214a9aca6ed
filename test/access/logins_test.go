package access

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/redis"
	"github.com/wafer-waf/wafer/test/tier"
)

// login tries to log in from an address and returns the status.
func login(t *testing.T, w *tier.Tier, host, from, account, password string) int {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, "http://"+w.Addr+"/login", strings.NewReader("username="+account+"&password="+password))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Forwarded-For", from)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// doorkeeper is an application with an account whose password is "right".
func doorkeeper(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/login" && r.FormValue("password") != "right" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// guarded is a route file with a protected login, and the key of a fleet for names of accounts.
func guarded(t *testing.T, app, key string) string {
	t.Helper()
	file := tier.RouteFile(t, `
routes: [{ id: shop, access: shop, upstreams: [{ id: app }] }]
upstreams: [{ id: app, endpoints: ["`+app+`"] }]
access:
  - id: shop
    login:
      paths: [{ exact: /login }]
      account: { form: username }
      per_address: 12/h
      per_account_and_address: 4/h
      per_account: 10/h
      key_file: accounts.key
`)
	if err := os.WriteFile(filepath.Join(filepath.Dir(file), "accounts.key"), []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// try has replicas be tried in turn, from 30 addresses as they are made, and returns how many attempts reach the application. What one has let fail the
// store knows before the next one is tried.
func try(t *testing.T, tiers []*tier.Tier, from, account func(i int) string) (reached int) {
	t.Helper()
	for i := range 30 {
		w := tiers[i%len(tiers)]
		const told = `wafer_store_operations_total{operation="spend",result="ok"}`
		before := w.Metric(told)
		switch status := login(t, w, "shop.test", from(i), account(i), "wrong"); status {
		case http.StatusUnauthorized:
			reached++
			tier.Eventually(t, "the store is told", func() bool { return w.Metric(told) > before })
		case http.StatusTooManyRequests:
		default:
			t.Fatalf("status %d", status)
		}
	}
	return reached
}

// Replicas with one key count failures together, by account and by address, and one with another key by address alone.
func TestLoginsOfAFleet(t *testing.T) {
	t.Parallel()
	store, app := redis.Start(t, redis.Options{}), doorkeeper(t)
	var tiers []*tier.Tier
	for _, key := range []string{"one key of thirty-two bytes or more", "one key of thirty-two bytes or more", "one key of thirty-two bytes or more", "another key of thirty-two bytes or more"} {
		tiers = append(tiers, tier.Plain(t, guarded(t, app, key), "--store-addresses", store.Addr, "--store-timeout", "5s", "--trusted-proxies", "127.0.0.0/8", "--log-access", "off"))
	}
	one, stranger := tiers[:3], tiers[3]
	if got := login(t, one[1], "shop.test", "192.0.2.1", "ann", "right"); got != http.StatusOK {
		t.Fatalf("status %d", got)
	}

	// An account is tried from everywhere. Each replica but the last has to fail once more to hear of the others.
	reached := try(t, one, func(i int) string { return fmt.Sprintf("198.51.100.%d", i) }, func(int) string { return "ann" })
	if reached < 10 || reached > 10+len(one)-1 {
		t.Errorf("%d have reached the application for one account, not 10", reached)
	}
	for _, w := range one {
		if got := login(t, w, "shop.test", "198.51.100.200", "ann", "right"); got != http.StatusTooManyRequests {
			t.Errorf("a replica lets somebody through who is not known: %d", got)
		}
	}
	if got := login(t, one[1], "shop.test", "192.0.2.1", "ann", "right"); got != http.StatusOK {
		t.Errorf("who has logged in before gets %d", got)
	}
	if got := login(t, stranger, "shop.test", "198.51.100.200", "ann", "wrong"); got != http.StatusUnauthorized {
		t.Errorf("with another key: %d", got)
	}

	// An address tries many accounts.
	reached = try(t, tiers, func(int) string { return "203.0.113.1" }, func(i int) string { return fmt.Sprint("user-", i) })
	if reached < 12 || reached > 12+len(tiers)-1 {
		t.Errorf("%d have reached the application from one address, not 12", reached)
	}
	if keys := store.Do("KEYS", "*"); strings.Contains(keys, "ann") || strings.Contains(keys, "user-") {
		t.Errorf("the store knows names: %s", keys)
	}
}
