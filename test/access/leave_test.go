package access

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/tier"
)

const leaveFile = `
routes:
  - { id: limited, hosts: [limited.test], access: limited, policy: "off", upstreams: [{ id: app }] }
  - { id: banned, hosts: [banned.test], access: banned, policy: "off", upstreams: [{ id: app }] }
  - { id: shop, hosts: [shop.test], access: shop, upstreams: [{ id: app }] }
upstreams: [{ id: app, endpoints: ["%s"] }]
policies: [{ id: "off", mode: "off" }]
access:
  - { id: limited, limits: [{ id: failed, rate: 1/d, on_statuses: [401] }] }
  - { id: banned, bans: [{ id: failed, statuses: [401], count: 1, window: 1m, scope: route }] }
  - { id: shop, login: { paths: [{ exact: /login }], account: { form: username }, per_account_and_address: 1/d } }
`

// TestLeaving has a client leave before it is told that its login has failed. It is counted all the same: what the
// application made of it can be found out by another request of the same session.
func TestLeaving(t *testing.T) {
	arrived, answered := make(chan struct{}), make(chan struct{})
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := http.StatusServiceUnavailable
		if r.Header.Get("X-Leaves") != "" {
			status = http.StatusUnauthorized
			defer func() { answered <- struct{}{} }()
			arrived <- struct{}{}
			select {
			case <-r.Context().Done():
				t.Errorf("%s: the application is left alone with a login whose end has to be known", r.Host)
			case <-time.After(1200 * time.Millisecond): // longer than between two looks whether a client is there
			}
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(app.Close)
	w := tier.Plain(t, tier.RouteFile(t, fmt.Sprintf(leaveFile, app.URL)))
	for _, want := range []struct {
		host   string
		status int
	}{{"limited.test", http.StatusTooManyRequests}, {"shop.test", http.StatusTooManyRequests}, {"banned.test", http.StatusForbidden}} {
		host := want.host
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", w.Addr)
		if err != nil {
			t.Fatal(err)
		}
		const form = "username=ann&password=wrong"
		fmt.Fprintf(conn, "POST /login HTTP/1.1\r\nHost: %s\r\nX-Leaves: yes\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", host, len(form), form)
		<-arrived
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
		<-answered
		if status := logIn(t, w, host, form, want.status); status != want.status {
			t.Errorf("%s: after a login whose client has left another one gets %d", host, status)
		}
	}
}

// logIn logs in until the status is the wanted one, which it is when the tier has heard what was answered before. What the
// application answers to it is not counted.
func logIn(t *testing.T, w *tier.Tier, host, form string, want int) (status int) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); status != want && time.Now().Before(end); {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+w.Addr+"/login", strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		q.Host = host
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		a, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		_ = a.Body.Close()
		status = a.StatusCode
	}
	return status
}
