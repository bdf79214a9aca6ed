package faults

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/certs"
	"github.com/wafer-waf/wafer/test/deaf"
	"github.com/wafer-waf/wafer/test/ports"
	"github.com/wafer-waf/wafer/test/tier"
)

func TestMain(m *testing.M) { os.Exit(tier.Main(m)) }

// row is a fault that one of three endpoints has, and what becomes of requests that come one after the other.
type row struct {
	fault  func(s *session)                  // what the endpoint does with a connection
	at     func(t testing.TB) string         // instead: an address at which nobody serves
	secure func(c *certificates) *tls.Config // of the endpoint with the fault, where TLS is spoken; nil: it is not
	all    bool                              // all three have it
	method string                            // empty: GET
	keys   string                            // of the upstream
	route  string                            // keys of the route
	client string                            // what clients see: how many times what
	says   string                            // what counters say: an expression
}

// rows are what the tier is asked for with 30 requests each. An endpoint is ejected after five faults.
func rows() map[string]row {
	const head = "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n"
	const longHead = "HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n" // too long to be kept until all of it has come
	body, half := strings.Repeat("body", 10), strings.Repeat("body", 128<<10)
	never := func(s *session) { <-s.over }
	return map[string]row{
		"refuses": {at: ports.Address, client: "30 200", says: "ejected connect 1, retried answered 5, retries connect 5"},
		"swallows": {at: deaf.Address, keys: "timeouts: { connect: 400ms }",
			client: "30 200", says: "ejected connect 1, retried answered 5, retries connect_timeout 5"},
		"all-swallow": {at: deaf.Address, all: true, keys: "timeouts: { connect: 60ms }",
			client: "30 503", says: "errors connect_timeout 30, retried failed 30, retries connect_timeout .*"},
		"hangs-in-handshakes": {fault: never, secure: (*certificates).good, keys: "timeouts: { tls: 100ms }",
			client: "30 200", says: "ejected tls 1, retried answered 5, retries tls_timeout 5"},
		"all-refuse":  {at: ports.Address, all: true, client: "30 503", says: "errors connect 30, retried failed 30, retries connect 60"},
		"hangs":       {fault: each(never), keys: "timeouts: { response: 200ms }", client: "25 200, 5 504", says: "ejected timeout 1, errors timeout 5"},
		"hangs-posts": {fault: each(never), method: "POST", keys: "timeouts: { response: 200ms }", client: "25 200, 5 504", says: "ejected timeout 1, errors timeout 5"},

		"resets-connections": {fault: (*session).reset, client: "30 200", says: "ejected (connect|reset) 1, retried answered 5, retries .*"},
		"resets-requests":    {fault: each((*session).reset), client: "30 200", says: "ejected reset 1, retried answered 5, retries closed 5"},
		"resets-posts":       {fault: each((*session).reset), method: "POST", client: "25 200, 5 502", says: "ejected reset 1, errors closed 5"},
		"ends-in-the-head": {fault: each(func(s *session) { s.send("HTTP/1.1 200 OK\r\nCont"); _ = s.raw.Close() }),
			client: "25 200, 5 502", says: "ejected reset 1, errors closed 5"},
		"ends-in-a-short-body": {fault: each(func(s *session) { s.send(head + "body"); _ = s.raw.Close() }),
			client: "20 200, 10 502", says: "errors closed 10"},
		"ends-in-a-long-body": {fault: each(func(s *session) { s.send(longHead + half); _ = s.raw.Close() }),
			client: "20 200, 10 cut", says: "errors response_body 10"},
		"resets-in-a-long-body": {fault: each(func(s *session) { s.unseen(); s.send(longHead + half); <-s.seen; s.reset() }),
			client: "20 200, 10 cut", says: "errors response_body 10"},

		"slow-head": {fault: each(func(s *session) { s.drip(head+body, 1, 10*time.Millisecond) }), keys: "timeouts: { response: 200ms }",
			client: "25 200, 5 504", says: "ejected timeout 1, errors timeout 5"},
		"slow-head-in-time": {fault: each(func(s *session) { s.drip(head+body, 8, 10*time.Millisecond) }), client: "30 200"},
		"slow-body":         {fault: each(func(s *session) { s.send(head); s.drip(body, 4, 10*time.Millisecond) }), client: "30 200"},
		"stalls-in-a-short-body": {fault: each(func(s *session) { s.send(head + "body"); never(s) }), route: "timeouts: { idle: 100ms }",
			client: "20 200, 10 504", says: "errors idle_timeout 10"},
		"stalls-in-a-long-body": {fault: each(func(s *session) { s.send(longHead + half); never(s) }), route: "timeouts: { idle: 100ms }",
			client: "20 200, 10 cut", says: "errors idle_timeout 10"},
		"endless-body": {fault: each(func(s *session) { s.send(longHead); s.drip(half, 32<<10, 30*time.Millisecond) }), keys: "timeouts: { total: 150ms }",
			client: "20 200, 10 cut", says: "errors total_timeout 10"},

		"bursts-of-5xx":       {fault: each(func(s *session) { s.send(answers(503)) }), client: "25 200, 5 503", says: "ejected 5xx 1"},
		"bursts-of-5xx-again": {fault: each(func(s *session) { s.send(answers(500)) }), keys: "retries: { statuses: [5xx] }", client: "30 200", says: "ejected 5xx 1, retried answered 5, retries status 5"},
		"all-say-5xx":         {fault: each(func(s *session) { s.send(answers(503)) }), all: true, client: "30 503"},
		"no-http":             {fault: each(func(s *session) { s.send("SSH-2.0-x\r\n") }), client: "25 200, 5 502", says: "ejected malformed 1, errors malformed 5"},

		"wrong-certificate":   {fault: each(well), secure: (*certificates).wrong, client: "30 200", says: "ejected tls 1, retried answered 5, retries tls_name 5"},
		"expired-certificate": {fault: each(well), secure: (*certificates).expired, method: "POST", client: "30 200", says: "ejected tls 1, retried answered 5, retries tls_expired 5"},
		"all-wrong-certificates": {fault: each(well), secure: (*certificates).wrong, all: true,
			client: "30 502", says: "errors tls_name 30, retried failed 30, retries tls_name 60"},
		"refuses-our-certificate": {fault: refuseUs, secure: (*certificates).demanding, method: "POST",
			client: "30 200", says: "ejected tls 1, retried answered 5, retries tls_client_certificate 5"},
	}
}

// refuseUs ends a handshake, and lets nothing get in the way of its last word.
func refuseUs(s *session) {
	_ = s.Conn.(*tls.Conn).Handshake()
	_ = s.raw.CloseWrite()
	_, _ = io.Copy(io.Discard, s.raw)
}

// certificates are those of endpoints.
type certificates struct {
	t         testing.TB
	authority *certs.Issued
}

func (c *certificates) issue(of certs.Of) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c.authority.Issue(c.t, of).Pair()}}
}

func (c *certificates) good() *tls.Config {
	return c.issue(certs.Of{CN: "app", IPs: []net.IP{net.IPv4(127, 0, 0, 1)}})
}

func (c *certificates) wrong() *tls.Config {
	return c.issue(certs.Of{CN: "other", DNS: []string{"other.test"}})
}

func (c *certificates) expired() *tls.Config {
	return c.issue(certs.Of{CN: "app", IPs: []net.IP{net.IPv4(127, 0, 0, 1)}, To: time.Now().Add(-time.Minute)})
}

func (c *certificates) demanding() *tls.Config {
	config := c.good()
	config.ClientAuth = tls.RequireAndVerifyClientCert
	return config
}

// TestFaults has one of three endpoints fail in each way, and looks what clients see and counters say.
func TestFaults(t *testing.T) {
	issuer := &certificates{t, certs.Authority(t, "authority")}
	ca := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(ca, issuer.authority.Cert(), 0o600); err != nil {
		t.Fatal(err)
	}
	all := rows()
	seen := map[string]chan struct{}{}
	var routes, upstreams strings.Builder
	for name, r := range all {
		seen[name] = make(chan struct{}, 100)
		fmt.Fprintf(&routes, "  - { id: %s, hosts: [%s.test], upstreams: [{ id: %[1]s }], %[3]s }\n", name, name, r.route)
		fmt.Fprintf(&upstreams, "  - { id: %s, balance: round_robin, endpoints: [%s], %s }\n", name, strings.Join(r.endpoints(t, issuer, seen[name]), ", "), strings.Join(r.settings(ca), ", "))
	}
	w := tier.Start(t, tier.RouteFile(t, "routes:\n"+routes.String()+"upstreams:\n"+upstreams.String()+"policies: [{ id: default, mode: off }]\n"))
	t.Run("rows", func(t *testing.T) {
		for name, r := range all {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				began := time.Now()
				if got := clientOf(t, w, name, seen[name]).ask(r.method, 30); got != r.client {
					t.Errorf("the client sees %q, want %q", got, r.client)
				}
				t.Logf("30 requests took %s", time.Since(began).Round(time.Millisecond))
				if got := counters(w, name); !regexp.MustCompile("^(?:" + r.says + ")$").MatchString(got) {
					t.Errorf("counters say %q, want %q", got, r.says)
				}
			})
		}
	})
}

// endpoints starts the endpoints of a row, the first of which has the fault.
func (r *row) endpoints(t *testing.T, issuer *certificates, seen <-chan struct{}) (urls []string) {
	for i := range 3 {
		secure, serves, scheme := (*tls.Config)(nil), each(well), "http://"
		faulty := i == 0 || r.all
		if r.secure != nil {
			secure, scheme = issuer.good(), "https://"
			if faulty {
				secure = r.secure(issuer)
			}
		}
		switch {
		case faulty && r.at != nil:
			urls = append(urls, fmt.Sprintf("%q", scheme+r.at(t)))
			continue
		case faulty:
			serves = r.fault
		}
		urls = append(urls, fmt.Sprintf("%q", scheme+serve(t, secure, seen, serves)))
	}
	return urls
}

// settings are keys of the upstream.
func (r *row) settings(ca string) (keys []string) {
	if r.secure != nil {
		keys = append(keys, fmt.Sprintf("tls: { ca: [%q] }", ca))
	}
	if r.keys != "" {
		keys = append(keys, r.keys)
	}
	return keys
}

// client asks for one row.
type client struct {
	t    testing.TB
	http *http.Client
	url  string
	seen chan<- struct{}
}

func clientOf(t testing.TB, w *tier.Tier, name string, seen chan<- struct{}) *client {
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, w.Addr)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{t, &http.Client{Transport: transport, Timeout: time.Minute}, "http://" + name + ".test/", seen}
}

// ask makes requests one after the other, and returns how many times it has seen what: a status, or a response that is cut.
func (c *client) ask(method string, n int) string {
	c.t.Helper()
	if method == "" {
		method = "GET"
	}
	times := map[string]int{}
	for range n {
		var body io.Reader
		if method == "POST" {
			body = strings.NewReader("body")
		}
		out, err := http.NewRequest(method, c.url, body)
		if err != nil {
			c.t.Fatal(err)
		}
		r, err := c.http.Do(out)
		if err != nil {
			times[err.Error()]++
			continue
		}
		c.seen <- struct{}{}
		_, err = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
		if err != nil {
			times["cut"]++
			continue
		}
		times[fmt.Sprint(r.StatusCode)]++
	}
	var all []string
	for _, what := range slices.Sorted(maps.Keys(times)) {
		all = append(all, fmt.Sprint(times[what], " ", what))
	}
	return strings.Join(all, ", ")
}

var counter = regexp.MustCompile(`^wafer_upstream_(errors|retries|retried_requests|ejections)_total\{(?:reason|result)="(\w+)",upstream="([\w-]+)"\} (\d+)`)

// counters are those of an upstream that have counted something.
func counters(w *tier.Tier, upstream string) string {
	_, text := w.Get("/metrics")
	var all []string
	for line := range strings.Lines(text) {
		if m := counter.FindStringSubmatch(line); len(m) > 0 && m[3] == upstream && m[4] != "0" {
			what := map[string]string{"retried_requests": "retried", "ejections": "ejected"}[m[1]]
			if what == "" {
				what = m[1]
			}
			all = append(all, what+" "+m[2]+" "+m[4])
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
