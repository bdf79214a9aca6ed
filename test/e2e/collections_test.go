package e2e

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/redis"
	"github.com/wafer-waf/wafer/test/tier"
)

// collectionsFile has rules as they are published for ModSecurity, written anew: against brute force, floods,
// sessions that move, and scans. Their times are short, so that tests can wait for them.
const collectionsFile = `
routes:
  - { id: shop, hosts: [shop.test], upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["%s"] }
policies:
  - id: default
    rules_before:
      - inline: |
          SecCollectionTimeout 600
          SecAction "id:100010,phase:1,pass,nolog,initcol:ip=%%{REMOTE_ADDR}"
          # brute force
          SecRule IP:LOGIN_BLOCKED "@eq 1" "id:100011,phase:1,deny,status:429,log,msg:'Too many failed logins'"
          SecRule REQUEST_FILENAME "@streq /login" "id:100012,phase:5,pass,nolog,chain"
              SecRule RESPONSE_STATUS "@streq 401" "setvar:ip.login_failures=+1,expirevar:ip.login_failures=600"
          SecRule IP:login_failures "@ge 3" \
              "id:100013,phase:5,pass,nolog,setvar:ip.login_blocked=1,expirevar:ip.login_blocked=2,setvar:!ip.login_failures"
          # floods
          SecRule IP:FLOODS "@eq 1" "id:100021,phase:1,deny,status:503,log,msg:'A flood'"
          SecRule REQUEST_FILENAME "@beginsWith /flood" "id:100022,phase:5,pass,nolog,setvar:ip.requests=+1,expirevar:ip.requests=600"
          SecRule IP:requests "@ge 10" "id:100023,phase:5,pass,nolog,setvar:ip.floods=1,expirevar:ip.floods=2,setvar:!ip.requests"
          # sessions
          SecRule REQUEST_COOKIES:sid "@rx ." "id:100031,phase:1,pass,nolog,setsid:%%{REQUEST_COOKIES.sid}"
          SecRule &SESSION:agent "@eq 0" "id:100032,phase:1,pass,nolog,setvar:session.agent=%%{REQUEST_HEADERS.X-Browser}"
          SecRule &SESSION:agent "@eq 1" "id:100033,phase:1,deny,status:401,log,msg:'A session moves to another browser',chain"
              SecRule REQUEST_HEADERS:X-Browser "!@streq %%{SESSION.agent}" "t:none"
          # scans
          SecRule IP:misses "@ge 5" "id:100041,phase:1,deny,status:403,log,msg:'A scan'"
          SecAction "id:100042,phase:5,pass,nolog,deprecatevar:ip.misses=5/1"
          SecRule RESPONSE_STATUS "@streq 404" "id:100043,phase:5,pass,nolog,setvar:ip.misses=+1"
`

// tally is one tier or more, in front of something that answers by the path.
type tally struct {
	t     *testing.T
	tiers []*tier.Tier
	turn  int

	file, text string
}

func newTally(t *testing.T, start func(testing.TB, string, ...string) *tier.Tier, replicas int, args ...string) *tally {
	t.Helper()
	backend := newEcho(t, func(r *http.Request, _ string) string {
		status := "200 OK"
		switch r.URL.Path {
		case "/login":
			status = "401 Unauthorized"
		case "/nowhere":
			status = "404 Not Found"
		}
		return "HTTP/1.1 " + status + "\r\nContent-Length: 0\r\n\r\n"
	})
	c := &tally{t: t, text: fmt.Sprintf(collectionsFile, backend.url())}
	c.file = tier.RouteFile(t, c.text)
	for range replicas {
		c.tiers = append(c.tiers, start(t, c.file, append([]string{"--trusted-proxies", "127.0.0.1/32"}, args...)...))
	}
	return c
}

// ask asks the tiers in turn.
func (c *tally) ask(client, target string, fields ...string) int {
	c.t.Helper()
	w := c.tiers[c.turn%len(c.tiers)]
	c.turn++
	return ask(c.t, w.Addr, request("GET", "shop.test", target, forwarded(client, fields...)...)).StatusCode
}

// until asks until there is an answer with a status, and returns how often others came before.
func (c *tally) until(status int, client, target string, fields ...string) (before int) {
	c.t.Helper()
	tier.Eventually(c.t, fmt.Sprintf("%s for %s of %s", strconv.Itoa(status), target, client), func() bool {
		if c.ask(client, target, fields...) == status {
			return true
		}
		before++
		return false
	})
	return before
}

// blocks asks until every tier answers with a status, what a client did to deserve it asked for meanwhile.
func (c *tally) blocks(status int, client, target string) {
	c.t.Helper()
	for range c.tiers {
		if n := c.until(status, client, target); n > 0 {
			c.t.Logf("%d before %d for %s of %s", n, status, target, client)
		}
	}
}

func TestCollections(t *testing.T) {
	t.Parallel()
	for _, replicas := range []int{1, 2} {
		t.Run(fmt.Sprint(replicas, " replicas"), func(t *testing.T) {
			t.Parallel()
			var args []string
			var store *redis.Server
			start := tier.Start
			if replicas > 1 {
				store = redis.Start(t, redis.Options{})
				args, start = []string{"--store-addresses", store.Addr}, tier.Plain
			}
			c := newTally(t, start, replicas, args...)
			// Brute force: three attempts at least, and what a client asks for before it is known.
			for range 3 {
				if got := c.ask("192.0.2.1", "/login"); got != 401 {
					t.Fatalf("a failed login: %d", got)
				}
			}
			c.blocks(429, "192.0.2.1", "/login")
			if got := c.ask("192.0.2.2", "/"); got != 200 {
				t.Errorf("somebody else: %d", got)
			}
			c.until(200, "192.0.2.1", "/") // when it has expired
			// A flood.
			for range 9 {
				if got := c.ask("192.0.2.3", "/flood"); got != 200 {
					t.Fatalf("one of a few requests: %d", got)
				}
			}
			c.blocks(503, "192.0.2.3", "/flood")
			c.until(200, "192.0.2.3", "/")
			// A session that somebody has stolen.
			if got := c.ask("192.0.2.4", "/", "Cookie: sid=4711", "X-Browser: one"); got != 200 {
				t.Fatalf("a session begins: %d", got)
			}
			c.until(401, "192.0.2.5", "/", "Cookie: sid=4711", "X-Browser: another")
			if got := c.ask("192.0.2.4", "/", "Cookie: sid=4711", "X-Browser: one"); got != 200 {
				t.Errorf("a session goes on: %d", got)
			}
			// A scan, which is forgiven in time.
			c.until(403, "192.0.2.6", "/nowhere")
			c.until(200, "192.0.2.6", "/")
			for _, w := range c.tiers {
				if n := w.Metric("wafer_collections"); n == 0 {
					t.Errorf("%v collections", n)
				}
			}
			if store == nil {
				return
			}
			// Without the store each replica counts alone.
			store.Freeze()
			c.blocks(429, "192.0.2.7", "/login")
			store.Thaw()
		})
	}
}

// TestCollectionsSurviveReloads counts before a reload and after it, and has probes of a reload count nothing.
func TestCollectionsSurviveReloads(t *testing.T) {
	t.Parallel()
	c := newTally(t, tier.Start, 1)
	w := c.tiers[0]
	if n := w.Metric("wafer_collections"); n != 0 {
		t.Errorf("%v collections before anybody has asked", n)
	}
	if got := c.ask("192.0.2.1", "/login"); got != 401 {
		t.Fatal(got)
	}
	tier.Eventually(t, "the attempt is counted", func() bool { return w.Metric("wafer_collections") == 1 })
	tier.Rewrite(t, c.file, strings.Replace(c.text, "A flood", "Too many", 1))
	if code, text := w.Reload(); code != 200 {
		t.Fatal(code, text)
	}
	if n := w.Metric("wafer_collections"); n != 1 {
		t.Errorf("%v collections after a reload", n)
	}
	c.until(429, "192.0.2.1", "/login")
	if n := w.Metric("wafer_collections"); n != 1 {
		t.Errorf("%v collections of one client", n)
	}
}

// TestCollectionsExplained has explain say that it knows nothing of earlier requests.
func TestCollectionsExplained(t *testing.T) {
	t.Parallel()
	file := tier.RouteFile(t, fmt.Sprintf(collectionsFile, "http://127.0.0.1:1"))
	code, out, stderr := explain(t, "", file, "http://shop.test/login")
	if code != 0 || !strings.Contains(out, "empty: what rules keep of earlier requests") {
		t.Errorf("%d\n%s%s", code, out, stderr)
	}
}
